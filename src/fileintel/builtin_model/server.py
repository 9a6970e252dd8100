"""The built-in model as a server: `python -m fileintel.builtin_model.server --port 0`.

It listens on the loopback interface only, and prints its base URL as one line on stdout. It exits when its stdin closes
or its parent is gone, so that it never outlives the process that started it.
"""

import argparse
import json
import os
import socket
import sys
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from fileintel.builtin_model import engine, protocol
from fileintel.child_processes import exit_with_parent

LARGEST_BODY = 32 * 1024 * 1024  # bytes
IDLE_CONNECTION = 600.0  # seconds after which a silent keep-alive connection is closed
PURPOSE_HEADER = "X-FileIntel-Purpose"
# The interpreter computes one answer at a time anyway; taking turns keeps fifty threads from starving one of them.
_ENGINE = threading.Lock()


class ModelServer(ThreadingHTTPServer):
    """One thread for each connection; connections stay open between requests."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 1024

    def server_bind(self) -> None:
        """Bind without the reverse DNS look-up of the base class, which can take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about a client that goes away."""


class Handler(BaseHTTPRequestHandler):
    """Answers the four routes of the protocol."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_CONNECTION
    server_version = "fileintel-extractive"
    sys_version = ""
    routes: ClassVar[dict[str, tuple[str, str]]] = {
        "/v1/chat/completions": ("POST", "_chat"),
        "/v1/embeddings": ("POST", "_embeddings"),
        "/v1/models": ("GET", "_models"),
        "/health": ("GET", "_health"),
    }

    def do_GET(self) -> None:
        """Answer a GET request."""
        self._answer("GET")

    def do_POST(self) -> None:
        """Answer a POST request."""
        self._answer("POST")

    def log_message(self, *_: object) -> None:
        """Log nothing: the parent reports what matters."""

    def _answer(self, method: str) -> None:
        path = self.path.partition("?")[0].rstrip("/")
        try:
            raw = self._body()
            expected, name = self.routes.get(path, ("", ""))
            if path.startswith("/v1/models/"):
                expected, name = "GET", "_models"
            if not name:
                raise protocol.ProtocolError(404, f"Unknown path: {path or '/'}", code="unknown_url")
            if method != expected:
                raise protocol.ProtocolError(405, f"Use {expected} for {path}.", code="method_not_allowed")
            getattr(self, name)(raw)
        except protocol.ProtocolError as error:
            self._send(error.status, error.body())
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        except Exception as error:  # noqa: BLE001 - a defect must reach the client as an answer, not as a dead line
            message = f"{type(error).__name__}: {error}"
            self._send(500, protocol.ProtocolError(500, message, kind="server_error").body())

    def _body(self) -> bytes:
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if length < 0 or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            raise protocol.ProtocolError(400, "The request needs a valid Content-Length.")
        if length > LARGEST_BODY:
            self.close_connection = True  # the body is not read
            raise protocol.ProtocolError(413, f"The request is larger than {LARGEST_BODY} bytes.")
        body = self.rfile.read(length) if length else b""
        if len(body) < length:
            raise ConnectionError("the client went away in the middle of its request")
        return body

    def _chat(self, raw: bytes) -> None:
        body = protocol.parse(raw)
        messages = protocol.messages_of(body)
        with _ENGINE:
            text = engine.answer(self.headers.get(PURPOSE_HEADER), messages, protocol.schema_name(body))
        whole = protocol.completion(body, text)
        if body.get("stream"):
            self._write(200, protocol.chunks(whole), "text/event-stream")
        else:
            self._send(200, whole)

    def _embeddings(self, raw: bytes) -> None:
        body = protocol.parse(raw)
        texts, dimensions = protocol.inputs_of(body), protocol.dimensions_of(body)
        with _ENGINE:
            vectors = engine.embed(texts, dimensions)
        self._send(200, protocol.embeddings(body, vectors))

    def _models(self, _: bytes) -> None:
        self._send(200, protocol.models([engine.MODEL]))

    def _health(self, _: bytes) -> None:
        self._send(200, {"status": "ok", "model": engine.MODEL})

    def _send(self, status: int, answer: dict[str, Any]) -> None:
        # ASCII, so that lone surrogates in a text cannot make an answer that is not UTF-8.
        self._write(status, (json.dumps(answer).encode("ascii"),), "application/json")

    def _write(self, status: int, parts: Iterable[bytes], content_type: str) -> None:
        """Status, headers and body in one write: one packet, and nothing for Nagle's algorithm to hold back."""
        body = b"".join(parts)
        phrase = self.responses.get(status, ("Unknown",))[0]
        closing = "Connection: close\r\n" if self.close_connection else ""
        head = f"HTTP/1.1 {int(status)} {phrase}\r\nContent-Type: {content_type}\r\n"
        head += f"Content-Length: {len(body)}\r\n{closing}\r\n"
        self.wfile.write(head.encode("ascii") + body)


def main(arguments: list[str] | None = None) -> int:
    """Serve until stdin closes."""
    parser = argparse.ArgumentParser(description="The built-in extractive model, on a loopback port.")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    options = parser.parse_args(arguments)
    try:
        server = ModelServer(("127.0.0.1", options.port), Handler)
    except OSError as error:
        print(f"cannot listen on port {options.port}: {error}", file=sys.stderr)
        return 1
    exit_with_parent()  # a fork of the parent may hold the other end of stdin open
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}/v1", flush=True)
    while os.read(sys.stdin.fileno(), 4096):
        pass
    # Connections may be busy; nothing of theirs is worth waiting for once the parent is gone.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
