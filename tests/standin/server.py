"""The process of the stand-in: `python -m tests.standin.server --port 0`. It ends when its stdin closes."""

import argparse
import gc
import json
import os
import sys
from pathlib import Path
from typing import Any

import gevent
from gevent.server import StreamServer
from gevent.threadpool import ThreadPool

from fileintel.builtin_model import protocol

from .ledger import Book
from .model import HOLD_STEP, Model
from .wire import ClientGone, Connection, Request, Response

BACKLOG = 2048
METRICS = """# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{{model_name="standin"}} {running}.0
# HELP vllm:num_requests_waiting Number of requests waiting to be processed.
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{{model_name="standin"}} {waiting}.0
"""


class Application:
    """Routes requests: the model's, the ones about the model, and the ones of the test."""

    def __init__(self, book: Book | None = None) -> None:
        self.model = Model(book)
        self.looks = 0

    def serve(self, sock: Any, _address: Any) -> None:
        """Answer the requests of one connection, one after the other."""
        connection = Connection(sock)
        try:
            while request := connection.read():
                if not self._handle(connection, request):
                    break
        except (ClientGone, OSError):
            pass  # clients that break off are part of the game
        finally:
            connection.close()

    def _handle(self, connection: Connection, request: Request) -> bool:
        self.looks += request.path == "/v1/models"
        while self.model.settings.silent and not request.path.startswith("/admin/"):
            if connection.gone():
                raise ClientGone
            gevent.sleep(HOLD_STEP)
        if request.method == "POST" and request.path in ("/v1/chat/completions", "/v1/embeddings"):
            return self.model.handle(connection, request)
        connection.send(self._about(request))
        return True

    def _about(self, request: Request) -> Response:
        if request.path.startswith("/admin/"):
            return self._admin(request)
        if request.path == "/health":
            return Response(200, b"")
        if request.path == "/metrics":
            slots = self.model.slots
            text = METRICS.format(running=slots.running, waiting=slots.waiting)
            return Response(200, text.encode(), "text/plain; version=0.0.4")
        if request.path == "/v1/models":
            names = self.model.settings.models or ("standin",)
            return _json(protocol.models(names, self.model.settings.owner))
        return _json(protocol.ProtocolError(404, f"Unknown path: {request.path}").body(), 404)

    def _admin(self, request: Request) -> Response:
        action = request.path.removeprefix("/admin/")
        given: dict[str, Any] = json.loads(request.body) if request.body else {}
        model = self.model
        if action == "configure":
            try:
                model.configure(model.settings.changed(given))
            except (TypeError, ValueError, ImportError, AttributeError) as error:
                return _json({"error": str(error)}, 400)
        elif action == "reset":
            model.reset()
            self.looks = 0
        elif action == "pause":
            model.gate.close(given.get("after"), given.get("purpose"))
        elif action == "gather":
            model.gathering.begin(given["count"], given["purpose"], in_waves=given["in_waves"])
        elif action == "resume":
            model.gate.open()
            model.gathering.end()
        elif action == "questions":
            return _json(model.ledger.bodies())
        elif action == "stats":
            return _json({**model.ledger.everything(), **self._now()})
        elif action != "counts":
            return _json({"error": f"unknown action {action}"}, 404)
        return _json({**model.ledger.counts(), **self._now()})

    def _now(self) -> dict[str, int]:
        return {"looks": self.looks, "running": self.model.slots.running, "waiting": self.model.slots.waiting}


def _json(value: Any, status: int = 200) -> Response:
    return Response(status, json.dumps(value).encode())


def main() -> None:
    """Serve until stdin closes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--book", type=Path, help="a file for sound answers, which is added to")
    options = parser.parse_args()
    application = Application(Book(options.book) if options.book else None)
    server = StreamServer(("127.0.0.1", options.port), application.serve, backlog=BACKLOG)
    server.start()
    gc.freeze()
    print(f"http://127.0.0.1:{server.server_port}/v1", flush=True)
    end = ThreadPool(1).spawn(_until_stdin_closes)
    gevent.wait([end])
    os._exit(0)


def _until_stdin_closes() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass


if __name__ == "__main__":
    main()
