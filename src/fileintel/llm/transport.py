"""An httpx transport over urllib3, for the openai client.

Why not httpx's own: its connection pool costs O(n²) at many requests in flight (21 ms of CPU per call at
200, against 2 ms here), and it loses slots when a greenlet that waits for one is killed.

The read timeout of a request is a deadline for the whole answer, not for each byte: a server that trickles
cannot hold a slot for ever.
"""

import time
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError

READ_BYTES = 65_536
CONNECT_SECONDS = 10.0
_HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "keep-alive"})


class PooledTransport(httpx.BaseTransport):
    """Keeps up to `connections` connections to one server alive.

    Whoever calls bounds the requests in flight (the gate does): above `connections` further ones are opened
    and closed again.
    """

    def __init__(self, base_url: str, connections: int) -> None:
        options = {"maxsize": connections, "block": False, "retries": False, "timeout": urllib3.Timeout(None)}
        proxy = _proxy_for(base_url)
        self._manager: urllib3.PoolManager = (
            urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)  # type: ignore[arg-type]
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        limits = request.extensions.get("timeout", {})
        seconds = limits.get("read") or 600.0
        deadline = time.monotonic() + seconds
        try:
            answer = self._manager.request(
                request.method,
                str(request.url),
                body=request.read(),
                headers={name: value for name, value in request.headers.items() if name.lower() != "connection"},
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds),
                preload_content=False,
                decode_content=False,
                redirect=False,
            )
        except HTTPError as error:
            raise _as_httpx(error, request) from error
        headers = [(name, value) for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP]
        return httpx.Response(answer.status, headers=headers, stream=_Body(answer, deadline, request))

    def close(self) -> None:
        self._manager.clear()


class _Body(httpx.SyncByteStream):
    """The answer's bytes as they come, until the deadline."""

    def __init__(self, answer: urllib3.BaseHTTPResponse, deadline: float, request: httpx.Request) -> None:
        self._answer = answer
        self._deadline = deadline
        self._request = request
        self._whole = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            while part := self._answer.read1(READ_BYTES):
                yield part
                if time.monotonic() > self._deadline:
                    raise httpx.ReadTimeout("the answer did not end in time", request=self._request)
            self._whole = True
        except HTTPError as error:
            raise _as_httpx(error, self._request) from error

    def close(self) -> None:
        if self._whole:
            self._answer.release_conn()
        else:
            self._answer.close()  # a connection with half an answer in it must not be used again


def _as_httpx(error: HTTPError, request: httpx.Request) -> httpx.TransportError:
    message = f"{type(error).__name__}: {error}"
    # NewConnectionError is a ConnectTimeoutError in urllib3 2.x, and means "refused": look at it first
    if isinstance(error, NewConnectionError):
        return httpx.ConnectError(message, request=request)
    if isinstance(error, ConnectTimeoutError):
        return httpx.ConnectTimeout(message, request=request)
    if isinstance(error, ReadTimeoutError):
        return httpx.ReadTimeout(message, request=request)
    return httpx.ReadError(message, request=request)


def _proxy_for(base_url: str) -> str | None:
    """The proxy that the environment asks for (HTTP_PROXY, HTTPS_PROXY, NO_PROXY), if any."""
    parts = urlsplit(base_url)
    if urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return urllib.request.getproxies().get(parts.scheme)
