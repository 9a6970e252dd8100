"""The process of the simulator: `python -m benchmarks.simulator.server --port 0`. It ends when its stdin closes.

HTTP is read by hand: a request costs about a tenth of a millisecond, most of it for JSON and hashes, so that the
simulated server is not what a benchmark measures.
"""

import argparse
import asyncio
import gc
import json
import os
import resource
import sys
import threading
from typing import Any

from .behaviour import Behaviour
from .engine import Engine, Job, Slots

MODEL = "simulated"
BACKLOG = 4096
METRICS = """# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{{engine="0",model_name="{model}"}} {running}.0
# HELP vllm:num_requests_waiting Number of requests waiting to be processed.
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{{engine="0",model_name="{model}"}} {waiting}.0
"""


class Line(asyncio.Protocol):
    """One connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._buffer = b""
        self._missing = 0  # bytes until a request may be whole
        self._job: tuple[Slots, Job] | None = None
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._job is not None:
            slots, job = self._job
            slots.cancel(job)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        while self._buffer and len(self._buffer) >= self._missing:
            if not self._read():
                return

    def _read(self) -> bool:
        buffer = self._buffer
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = buffer[:end].lower()
        length = int(_header(head, b"content-length") or 0)
        whole = end + 4 + length
        if len(buffer) < whole:
            self._missing = whole
            return False
        self._buffer, self._missing = buffer[whole:], 0
        path = buffer[: buffer.find(b"\r\n")].split(b" ")[1].decode()
        try:
            self._route(path, head, buffer[end + 4 : whole])
        except Exception as error:  # noqa: BLE001 -- whatever a client sends
            self._send(json.dumps({"error": {"message": f"{type(error).__name__}: {error}"}}).encode(), b"400 Bad")
        return True

    def _route(self, path: str, head: bytes, body: bytes) -> None:
        engine = self._engine
        if path == "/v1/chat/completions":
            purpose = _header(head, b"x-fileintel-purpose").decode()
            self._job = engine.ask(json.loads(body), purpose, self._send)
        elif path == "/v1/embeddings":
            self._job = engine.embed(json.loads(body), self._send)
        elif path == "/v1/models":
            entry = {"id": MODEL, "object": "model", "created": 1, "owned_by": "vllm"}
            self._send(json.dumps({"object": "list", "data": [entry]}).encode())
        elif path == "/metrics" and engine.behaviour.metrics:
            slots = engine.chat
            text = METRICS.format(model=MODEL, running=slots.running, waiting=len(slots.waiting))
            self._send(text.encode(), kind=b"text/plain; version=0.0.4")
        elif path == "/admin/configure":
            engine.configure(Behaviour(**json.loads(body)))
            self._send(b"{}")
        elif path == "/admin/records":
            self._send(json.dumps(engine.records()).encode())
        elif path == "/admin/prompts":
            self._send(json.dumps(engine.prompts()).encode())
        elif path == "/admin/counts":
            self._send(json.dumps(_counts(engine)).encode())
        else:
            self._send(b'{"error": {"message": "unknown path"}}', b"404 Not Found")

    def _send(self, body: bytes, status: bytes = b"200 OK", kind: bytes = b"application/json") -> None:
        head = b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n" % (status, kind, len(body))
        self._transport.write(head + body)


def _header(head: bytes, name: bytes) -> bytes:
    at = head.find(b"\r\n" + name + b":")
    return head[at + len(name) + 3 :].partition(b"\r\n")[0].strip() if at >= 0 else b""


def _counts(engine: Engine) -> dict[str, Any]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "requests": engine.requests,
        "running": engine.chat.running,
        "waiting": len(engine.chat.waiting),
        "peak": engine.chat.peak,
        "first": engine.jobs[0].arrived if engine.jobs else None,
        "cpu": usage.ru_utime + usage.ru_stime,
    }


def main() -> None:
    """Serve until stdin closes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    loop = asyncio.new_event_loop()
    engine = Engine(loop)
    server = loop.run_until_complete(
        loop.create_server(lambda: Line(engine), "127.0.0.1", options.port, backlog=BACKLOG)
    )
    gc.freeze()
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    loop.run_forever()


def _end_with_stdin() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
