"""What stands between a program and PostgreSQL: a stand-in that hands connections on, refuses them, or cuts them.

PgBouncer's words are those of its source (`disconnect_client` in its client.c and janitor.c), sent as it sends them:
an ErrorResponse (PostgreSQL manual 54.7) with the SQLSTATE 08P01, and then the end of the connection.
"""

import contextlib
import socket
import struct
import threading
from types import TracebackType

FULL = "no more connections allowed (max_client_conn)"
QUERY_WAIT = "query_wait_timeout"
LOST = "server conn crashed?"
ENCRYPTION = (struct.pack("!I", 80877103), struct.pack("!I", 80877104))  # SSLRequest, GSSENCRequest


class Pooler:
    """Listens on loopback and connects to a PostgreSQL's unix socket. A context manager.

    `refusing` are the words that new clients are sent away with; None lets them in.
    """

    def __init__(self, server: str) -> None:
        self.server = server
        self.refusing: str | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []

    def __enter__(self) -> "Pooler":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._listener.close()
        self.cut()

    def cut(self, words: str | None = None) -> None:
        """End all connections, with or without words."""
        pairs, self._pairs = self._pairs, []
        for client, server in pairs:
            with contextlib.suppress(OSError):
                if words is not None:
                    client.sendall(_error(words))
                client.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.refusing is not None:
                _refuse(client, self.refusing)
                continue
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self.server)
            except OSError:
                client.close()
                continue
            self._pairs.append((client, server))
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=_copy, args=(one, other), daemon=True).start()


def _refuse(client: socket.socket, words: str) -> None:
    with contextlib.suppress(OSError), client:
        while client.recv(4096)[4:8] in ENCRYPTION:  # before the start-up packet it asks for TLS
            client.sendall(b"N")
        client.sendall(_error(words))


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def _error(words: str) -> bytes:
    fields = b"".join(
        kind + value + b"\0" for kind, value in ((b"S", b"FATAL"), (b"C", b"08P01"), (b"M", words.encode()))
    )
    return b"E" + struct.pack("!I", len(fields) + 5) + fields + b"\0"
