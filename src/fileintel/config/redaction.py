"""What may be shown of settings: secrets never, URLs without their passwords."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Secret, SecretStr

MASK = "**********"
_PASSWORD = re.compile(r"(://[^:@/?#]*:).*(?=@)", re.DOTALL)  # up to the last @, as passwords may hold one
_SECRET_NAME = r"api[-_]?key|secret|passw|authorization|credential|(?:access|auth)[-_]?token"
_SECRET_PARAMETER = re.compile(rf"([?&][^=&#]*(?:{_SECRET_NAME})[^=&#]*=)[^&#]*", re.IGNORECASE)


def masked_url(url: str) -> str:
    """Return a URL without its password, in either of the places where it can be."""
    return _SECRET_PARAMETER.sub(rf"\1{MASK}", _PASSWORD.sub(rf"\1{MASK}", url))


class SecretUrl(Secret[str]):
    """A URL that shows all but its password."""

    def _display(self) -> str:
        url = self.get_secret_value()
        return masked_url(url) if "://" in url else MASK


def redacted(value: object) -> Any:
    """Return a setting's value as JSON takes it, without secrets."""
    if isinstance(value, SecretStr | SecretUrl):
        return str(value)
    if isinstance(value, str):
        return masked_url(value) if "://" in value else value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, BaseModel):
        return {name: redacted(inner) for name, inner in value}
    if isinstance(value, Mapping):
        return {name: MASK if _names_secret(name, inner) else redacted(inner) for name, inner in value.items()}
    return [redacted(item) for item in value] if isinstance(value, list | tuple) else value


def _names_secret(name: object, value: object) -> bool:
    return value is not None and re.search(_SECRET_NAME, str(name), re.IGNORECASE) is not None
