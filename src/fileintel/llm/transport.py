"""HTTP for the openai package: an httpx client and transport over urllib3.

Why not httpx's own: its connection pool costs O(n²) at many requests in flight (21 ms of CPU per call at
200, against 2 ms here), and it loses slots when a greenlet that waits for one is killed.

The read timeout of a request is a deadline for the whole answer, not for each byte: a server that trickles
cannot hold a slot for ever.
"""

import ipaddress
import ssl
import time
import urllib.request
from typing import Any
from urllib.parse import unquote, urlsplit

import certifi
import httpx
import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

READ_BYTES = 65_536
CONNECT_SECONDS = 10.0
DEFAULT_SECONDS = 600.0
_HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "keep-alive"})
_CHATTER = "x-stainless-"


class ModelHttp(httpx.Client):
    """What the openai package sends its requests with: one request, one response, nothing in between.

    httpx's own client merges defaults, keeps cookies, and looks at each response for redirects and challenges, which
    a model server has no use for: together half a millisecond of CPU for each call. The headers by which the openai
    package describes this machine (`x-stainless-…`) are left out.

    Parameters:
      base_url: of the server; requests may go to any place below it.
      connections: to be kept alive.
    """

    def __init__(self, base_url: str, connections: int) -> None:
        self._pooled = PooledTransport(base_url, connections)
        super().__init__(transport=self._pooled, trust_env=False)

    def build_request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Request:
        """Return a request with the headers given and no others."""
        timeout = httpx.Timeout(options.get("timeout"))
        given = options["headers"]  # openai 2 gives a mapping, openai 3 a list of pairs
        pairs = given if isinstance(given, list) else given.items()
        headers = [(name, value) for name, value in pairs if not name.startswith(_CHATTER)]
        extensions = {**(options.get("extensions") or {}), "timeout": timeout.as_dict()}
        return httpx.Request(
            method,
            url,
            params=options.get("params"),
            headers=headers,
            content=options.get("content"),
            extensions=extensions,
        )

    def send(self, request: httpx.Request, **_options: Any) -> httpx.Response:
        """Return the whole response; a redirect is one as well."""
        return self._pooled.handle_request(request)


class PooledTransport(httpx.BaseTransport):
    """Keeps up to `connections` connections to one server alive.

    The caller bounds the requests in flight (the gate does): above `connections` further ones are opened
    and closed again.
    """

    def __init__(self, base_url: str, connections: int) -> None:
        options: dict[str, Any] = {
            "maxsize": connections,
            "block": False,
            "retries": False,
            "timeout": urllib3.Timeout(None),
        }
        if urlsplit(base_url).scheme == "https":
            options["ssl_context"] = trusting_context()
        proxy = proxy_for(base_url)
        self._manager = urllib3.PoolManager(**options) if proxy is None else _proxied(proxy, options)
        # found once: the manager takes every URL apart to find the pool of its host
        self._pool = self._manager.connection_from_url(base_url) if proxy is None else None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        seconds = request.extensions.get("timeout", {}).get("read") or DEFAULT_SECONDS
        deadline = time.monotonic() + seconds
        try:
            answer = self._begin(request, urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds))
            body = _whole(answer, deadline, request)
        except HTTPError as error:
            raise _as_httpx(error, request) from error
        headers = [(name, value) for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP]
        return httpx.Response(answer.status, headers=headers, content=body, request=request)

    def _begin(self, request: httpx.Request, timeout: urllib3.Timeout) -> urllib3.BaseHTTPResponse:
        """Return the response up to its body."""
        options: dict[str, Any] = {
            "body": request.content,
            "headers": {name: value for name, value in request.headers.items() if name != "connection"},
            "timeout": timeout,
            "preload_content": False,
            "decode_content": False,
            "redirect": False,
        }
        if self._pool is None:
            return self._manager.urlopen(request.method, str(request.url), **options)
        place = request.url.raw_path.decode("ascii")
        return self._pool.urlopen(request.method, place, retries=False, assert_same_host=False, **options)

    def close(self) -> None:
        self._manager.clear()


def _whole(answer: urllib3.BaseHTTPResponse, deadline: float, request: httpx.Request) -> bytes:
    """Return the answer's body, if it is there before the deadline."""
    parts: list[bytes] = []
    try:
        while part := answer.read1(READ_BYTES):
            parts.append(part)
            left = deadline - time.monotonic()
            if left <= 0:
                raise httpx.ReadTimeout("the answer did not end in time", request=request)
            # the next read must not wait as long as the first one might; None when nothing is left to be read
            connection: Any = answer.connection
            if connection is not None and connection.sock is not None:
                connection.sock.settimeout(left)
    except BaseException:  # a killed greenlet as well: a connection with half an answer in it must not be used again
        answer.close()
        raise
    answer.release_conn()
    return b"".join(parts)


def trusting_context() -> ssl.SSLContext:
    """Return a TLS context that trusts what the system (or SSL_CERT_FILE, SSL_CERT_DIR) trusts; where the system has no
    certificates, as in slim images, what Mozilla does."""
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        context.load_verify_locations(certifi.where())
    return context


def proxy_for(base_url: str) -> str | None:
    """Return the proxy that the environment asks for (HTTP_PROXY, HTTPS_PROXY, NO_PROXY), if any; never for a server on
    this machine, which a proxy elsewhere could not reach."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    place = f"{host}:{parts.port}" if parts.port else host
    if _is_this_machine(host) or urllib.request.proxy_bypass(place):
        return None
    return urllib.request.getproxies().get(parts.scheme)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _proxied(proxy: str, options: dict[str, Any]) -> urllib3.ProxyManager:
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    parts = urlsplit(proxy)
    headers = None
    if parts.username is not None:  # urllib3 does not read them from the URL
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = urllib3.make_headers(proxy_basic_auth=credentials)
    return urllib3.ProxyManager(proxy, proxy_headers=headers, **options)


def _as_httpx(error: HTTPError, request: httpx.Request) -> httpx.TransportError:
    message = f"{type(error).__name__}: {error}"
    # NewConnectionError is a ConnectTimeoutError in urllib3 2.x, and means "refused": look at it first
    if isinstance(error, NewConnectionError | SSLError | ProxyError):
        return httpx.ConnectError(message, request=request)
    if isinstance(error, ConnectTimeoutError):
        return httpx.ConnectTimeout(message, request=request)
    if isinstance(error, ReadTimeoutError):
        return httpx.ReadTimeout(message, request=request)
    return httpx.ReadError(message, request=request)
