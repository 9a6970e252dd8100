"""A server that answers exactly what a test says, byte for byte, and counts its connections."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Reply:
    """Status, headers and body. `promised`: the length that is told; `then`: called when the body is out."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    promised: int | None = None
    then: Callable[[], object] = lambda: None


@dataclass
class RawServer:
    """What has arrived, and where to ask."""

    base_url: str
    connections: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)


def completion(content: object = "fine", **changes: Any) -> Reply:
    """A chat answer; `changes` replace parts of the envelope."""
    body = {"choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": "stop"}], **changes}
    return Reply(body=json.dumps(body).encode())


def refusal(status: int, message: str, **headers: str) -> Reply:
    """An error in words only, as servers other than OpenAI's say it."""
    return Reply(status, json.dumps({"error": {"message": message}}).encode(), headers)


@contextmanager
def serving(answer: Callable[[int, dict[str, Any]], Reply]) -> Iterator[RawServer]:
    """Serve while the block runs; `answer` gets the number of the request, from 0, and its body."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            with lock:
                server.connections += 1

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                number = len(server.requests)
                server.requests.append(body)
            reply = answer(number, body)
            length = len(reply.body) if reply.promised is None else reply.promised
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(length), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)
            self.wfile.flush()
            reply.then()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    listener.block_on_close = False
    server = RawServer(f"http://127.0.0.1:{listener.server_port}/v1")
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
