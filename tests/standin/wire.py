"""HTTP/1.1 on a gevent socket, by hand: a stand-in must be able to break off at any byte."""

import contextlib
import select
import socket as plain_socket
import struct
import time
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

import gevent
from gevent import socket

LARGEST_HEAD = 64 * 1024  # bytes
LARGEST_BODY = 64 * 1024 * 1024  # bytes
PHRASES = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    413: "Content Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}


class ClientGone(Exception):
    """The client has closed the connection."""


class _Elapsed(Exception):
    """The time is over, and the client is still there."""


@dataclass(frozen=True)
class Request:
    """One request; the names of headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Response:
    """One response, not yet sent."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    def head(self) -> bytes:
        """Status line and headers."""
        lines = [
            f"HTTP/1.1 {self.status} {PHRASES.get(self.status, 'Status')}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Connection:
    """One connection of a client."""

    def __init__(self, sock: Any) -> None:
        self._socket = sock
        self._buffer = b""
        sock.setsockopt(plain_socket.IPPROTO_TCP, plain_socket.TCP_NODELAY, 1)

    def read(self) -> Request | None:
        """The next request; None when the client has closed the connection between requests."""
        end = self._buffer.find(b"\r\n\r\n")
        while end < 0:
            piece = self._socket.recv(65536)
            if not piece or len(self._buffer) > LARGEST_HEAD:
                return None
            self._buffer += piece
            end = self._buffer.find(b"\r\n\r\n")
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        self._buffer = self._buffer[end + 4 :]
        method, _, rest = first.partition(" ")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = self._body(int(headers.get("content-length", "0") or 0))
        return Request(method, rest.partition(" ")[0].partition("?")[0], headers, body)

    def _body(self, length: int) -> bytes:
        if length > LARGEST_BODY:
            raise ClientGone
        pieces, have = [self._buffer], len(self._buffer)
        while have < length:
            piece = self._socket.recv(min(1 << 20, length - have))
            if not piece:
                raise ClientGone
            pieces.append(piece)
            have += len(piece)
        whole = b"".join(pieces)
        self._buffer = whole[length:]
        return whole[:length]

    def idle(self, seconds: float) -> None:
        """Wait.

        Raises:
            ClientGone: the client did not have the patience.
        """
        if seconds <= 0:
            return
        try:
            socket.wait_read(self._socket.fileno(), timeout=seconds, timeout_exc=_Elapsed())
        except _Elapsed:
            return
        if self.gone():
            raise ClientGone
        gevent.sleep(seconds)  # the next request is there already; it has to wait

    def gone(self) -> bool:
        """The client has closed the connection, as far as can be seen without waiting."""
        try:
            poll = select.poll()  # gevent's sockets wait even with MSG_DONTWAIT
            poll.register(self._socket.fileno(), select.POLLIN)
            if not poll.poll(0):
                return False
            seen: bytes = self._socket.recv(1, plain_socket.MSG_PEEK)
        except OSError:
            return True
        return not seen

    def send(self, response: Response) -> None:
        """Send a whole response in one piece."""
        self._socket.sendall(response.head() + response.body)

    def send_part(self, response: Response, share: float) -> None:
        """Send the head, and a share of the body that it promises."""
        self._socket.sendall(response.head() + response.body[: int(len(response.body) * share)])

    def send_slowly(self, response: Response, seconds: float, pieces: int = 10) -> None:
        """Send the head at once and the body in pieces over some time."""
        self._socket.sendall(response.head())
        size = max(1, -(-len(response.body) // pieces))
        for start in range(0, len(response.body), size):
            gevent.sleep(seconds / pieces)
            self._socket.sendall(response.body[start : start + size])

    def reset(self) -> None:
        """Break the connection off with a reset instead of a proper end."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(plain_socket.SOL_SOCKET, plain_socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError):
            self._socket.close()


def retry_after(seconds: float, *, as_date: bool) -> tuple[str, str]:
    """A `Retry-After` header, as seconds or as an HTTP date."""
    if as_date:
        return ("Retry-After", formatdate(time.time() + seconds, usegmt=True))
    return ("Retry-After", f"{seconds:g}")
