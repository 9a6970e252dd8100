"""Who may call: whoever has a key, or, without keys, programs of this machine."""

import hmac
from collections.abc import Iterable
from hashlib import sha256
from typing import Annotated

from fastapi import Header, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from pydantic import SecretStr

from fileintel.api.backend import Service
from fileintel.api.problems import Unauthorized

KEY_HEADER = "X-API-Key"
BEARER_HEADER = "Authorization"

_given_key = APIKeyHeader(
    name=KEY_HEADER, auto_error=False, description="One of the keys of the setting `api.keys`; not needed without keys."
)
_bearer = HTTPBearer(auto_error=False, description="The same key, as clients of the OpenAI protocol send it.")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
RequiredKey = Annotated[str | None, Security(_given_key)]
OptionalKey = Annotated[str | None, Header(alias=KEY_HEADER, description="With a key, the answer has details.")]


async def require_key(service: Service, key: RequiredKey, bearer: Bearer = None) -> None:
    """Refuse callers without a valid key.

    Raises:
      Unauthorized: there are keys, and none of them was given.
    """
    header = KEY_HEADER
    if key is None and bearer is not None:
        key, header = bearer.credentials, BEARER_HEADER
    if not is_authorized(service.settings.api.keys, key):
        what = "is not one of this service's" if key else "is missing"
        raise Unauthorized(f"the key in {header} {what}", headers={"WWW-Authenticate": f'ApiKey in="{KEY_HEADER}"'})


def is_authorized(keys: Iterable[SecretStr], given: str | None) -> bool:
    """Whether `given` is one of the keys; true when there are none. Takes the same time whichever fits."""
    expected = [_hashed(key.get_secret_value()) for key in keys]
    candidate = _hashed(given or "")
    fits = [hmac.compare_digest(candidate, one) for one in expected]
    return any(fits) or not expected


def _hashed(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogateescape")).digest()  # of one length, so that comparing tells nothing
