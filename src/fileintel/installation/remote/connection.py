"""One connection to the API: addresses, the key, the envelope, pages of lists."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx

from fileintel import __version__
from fileintel.config import ClientSettings, masked_url
from fileintel.errors import NotFoundError
from fileintel.installation.contract import Row
from fileintel.installation.remote.problems import Unreachable, error_of, unreachable
from fileintel.operations import Operation
from fileintel.operations.declaration import Asked, Found

PREFIX = "/api/v2"
KEY_HEADER = "X-API-Key"
CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0  # of silence; the service itself gives up on its parts earlier
LARGEST_PAGE = 1000  # rows that the API gives at once


class Connection:
    """Sends requests, and turns what goes wrong into errors of ours.

    Raises, from every method:
      Unreachable: nobody answers, or no FileIntel service.
      FileIntelError: as the service has answered.
    """

    def __init__(self, settings: ClientSettings) -> None:
        assert settings.url is not None
        self.patience = settings.patience
        self.shown_url = masked_url(settings.url)
        self._has_key = settings.key is not None
        headers = {"User-Agent": f"fileintel/{__version__}"}
        if settings.key is not None:
            headers[KEY_HEADER] = settings.key.get_secret_value()
        # redirects are not followed: the key is for this host only
        self._http = httpx.Client(
            base_url=settings.url + PREFIX,
            headers=headers,
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        )

    def close(self) -> None:
        """Give the connection back."""
        self._http.close()

    def do(self, operation: Operation[Asked, Found], request: Asked) -> Found:
        """Let the service do an operation; returns its result."""
        wire = operation.wire(request)
        more: dict[str, Any] = {"params": wire.query, "headers": wire.headers}
        if wire.body is not None:
            more["json"] = wire.body
        if operation.patience is not None:
            more["timeout"] = httpx.Timeout(CONNECT_SECONDS, read=operation.patience)
        with self.stream(operation.verb, *wire.segments, **more) as response:
            response.read()
            try:
                return operation.read(response.json()["data"])
            except (ValueError, KeyError, TypeError) as error:
                raise self._stranger(response) from error

    def get(self, *path: object, **parameters: object) -> Any:
        """The data at a path; of the parameters, those that are not None are sent."""
        return self.call("GET", *path, params={name: one for name, one in parameters.items() if one is not None})

    def call(self, method: str, *path: object, **more: Any) -> Any:
        """The data of a success. `more` goes to httpx."""
        with self.stream(method, *path, **more) as response:
            response.read()
            try:
                return response.json()["data"]
            except (ValueError, KeyError, TypeError) as error:
                raise self._stranger(response) from error

    @contextmanager
    def stream(self, method: str, *path: object, **more: Any) -> Iterator[httpx.Response]:
        """A success whose body is read within the block."""
        try:
            with self._http.stream(method, _address(path), **more) as response:
                if not response.is_success:
                    response.read()
                    raise error_of(response, self.shown_url, has_key=self._has_key)
                yield response
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise unreachable(self.shown_url, error) from error

    def rows(self, *path: object, limit: int | None = None, **parameters: object) -> list[Row]:
        """The first rows of a list, or all of them."""
        found: list[Row] = []
        cursor = None
        while limit is None or len(found) < limit:
            size = LARGEST_PAGE if limit is None else min(LARGEST_PAGE, limit - len(found))
            page: Mapping[str, Any] = self.get(*path, limit=size, cursor=cursor, **parameters)
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        return found

    def _stranger(self, response: httpx.Response) -> Unreachable:
        return Unreachable(
            f"{self.shown_url} answers, but not as a FileIntel service does "
            f"({response.headers.get('content-type', 'no content type')}): is FILEINTEL_API_URL right?"
        )


def _address(path: tuple[object, ...]) -> str:
    return "".join(f"/{_segment(str(part))}" for part in path)


def _segment(part: str) -> str:
    """One part of a path, whatever is in it.

    Raises:
      NotFoundError: nothing can have that name.
    """
    if not part or "/" in part:
        raise NotFoundError(f"there is nothing named {part!r}: no name is empty or holds a slash")
    # dots alone would be taken for a way up
    return part.replace(".", "%2E") if part in (".", "..") else quote(part, safe="")
