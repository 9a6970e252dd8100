"""A service for tests: the real API process over HTTP, a real Redis, real Celery workers, ended by process id."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx

from tests.conftest import FOREIGN
from tests.local.processes import wait_until_stopped

KEY = "a-key-of-the-tests"
LIMIT = 120.0  # seconds until a condition counts as never met; on busy cores everything takes long
BINARIES = Path(sys.executable).parent
READY = "Community reports configuration"  # what a worker says when it is ready

Found = TypeVar("Found")


def wait_for(condition: Callable[[], Found], what: str, limit: float = LIMIT) -> Found:
    """Poll until `condition` gives something true, and return that."""
    give_up = time.monotonic() + limit
    while not (found := condition()):
        assert time.monotonic() < give_up, f"{what} has not happened within {limit:.0f} s"
        time.sleep(0.02)
    return found


def remove(home: Path) -> None:
    """Delete a home once nothing works in it any more: a database that is stopping still writes."""
    wait_until_stopped(home)
    shutil.rmtree(home)


class Process:
    """A program whose output goes to a file."""

    def __init__(self, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=log.parent
            )

    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def wait_for_output(self, pattern: str) -> "re.Match[str]":
        def found() -> "re.Match[str] | None":
            assert self.process.poll() is None, self.output()
            return re.search(pattern, self.output())

        return wait_for(found, f"{pattern!r} in the output of {self.process.args}")

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


class Redis:
    """A Redis on a port of its own, which can go away and come back; `options` are those of its command line."""

    def __init__(self, folder: Path, *options: str) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port: int = free.getsockname()[1]
        self._folder = folder
        self._options = options
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = [str(BINARIES / "redis-server"), "--port", str(self.port), "--save", "", "--bind", "127.0.0.1"]
        command += ["--dir", str(self._folder), *self._options]
        self._process = Process(command, os.environ, self._folder / "redis.log")
        wait_for(self._answers, "the start of Redis")

    def stop(self) -> None:
        self._process.stop(signal.SIGKILL)

    def messages(self, queue: str) -> int:
        command = [str(BINARIES / "redis-cli"), "-p", str(self.port), "llen", queue]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True


class Installation:
    """One home, one database, one broker; and what was started for them."""

    def __init__(self, home: Path, redis: Redis, **environment: str) -> None:
        self.home = home
        self.redis = redis
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)},
            "FILEINTEL_HOME": str(home),
            "CELERY_BROKER_URL": redis.url,
            "PYTHONUNBUFFERED": "1",
            **environment,
        }
        self._stack = ExitStack()
        self._workers: list[Process] = []
        self.url = ""

    @contextmanager
    def api(self, *options: str, command: tuple[str, ...] = ("fileintel.api",), **environment: str) -> Iterator[str]:
        """The API on a free port; gives its URL. It is started as what `fileintel api` becomes, to save a second."""
        words = [sys.executable, "-m", *command, "--port=0", *options]
        log = self.home / f"api-{time.monotonic_ns()}.log"
        with Process(words, {**self.environment, **environment}, log) as process:
            yield process.wait_for_output(r"FileIntel API: (http://\S+)").group(1)

    def start_api(self, *options: str) -> None:
        self.url = self._stack.enter_context(self.api(*options))

    def start_worker(self, pool: str, concurrency: int, queues: str) -> Process:
        command = [sys.executable, "-m", "celery", "-A", "fileintel.celery_config:app", "worker"]
        command += [f"--pool={pool}", f"--concurrency={concurrency}", f"--queues={queues}"]
        command += [f"--hostname={pool}@%h", "--without-mingle", "--without-gossip"]
        worker = Process(command, self.environment, self.home / f"{pool}-{time.monotonic_ns()}.log")
        self._workers.append(worker)
        return self._stack.enter_context(worker)

    def start_graph_worker(self) -> Process:
        """A gevent worker; one that is there already is replaced. A new one's gate has not learned yet that the model
        server takes less than the settings allow, as one's has that was refused."""
        for worker in self._workers:
            if "--pool=gevent" in worker.process.args:
                worker.stop()
        return self.start_worker("gevent", 100, "graphrag_indexing,graphrag_queries")

    def stop(self) -> None:
        for worker in self._workers:  # they take their time, so all at once
            worker.process.terminate()
        self._stack.close()

    def client(self, **more: Any) -> httpx.Client:
        """An HTTP client with the key."""
        return httpx.Client(**{"base_url": self.url, "headers": {"X-API-Key": KEY}, "timeout": 60, **more})


class Caller:
    """The API as tests speak to it: what they say is what is sent."""

    def __init__(self, client: httpx.Client) -> None:
        self.http = client

    def ok(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        """The data of a success, its envelope checked."""
        response = self.http.request(method, f"/api/v2{path}", **more)
        assert response.status_code == status, response.text
        body = response.json()
        assert set(body) == {"success", "data", "error", "timestamp", "api_version"}
        assert (body["success"], body["error"], body["api_version"]) == (True, None, "2.0")
        return body["data"]

    def problem(self, method: str, path: str, status: int, code: str, **more: Any) -> dict[str, Any]:
        """A problem document, its shape checked."""
        response = self.http.request(method, path if path.startswith("//") else f"/api/v2{path}", **more)
        return problem(response, status, code)

    def collection(self, name: str) -> str:
        """A new collection; returns its name."""
        return str(self.ok("POST", "/collections", 201, json={"name": name})["name"])

    def upload(self, collection: str, *files: tuple[str, bytes], **more: Any) -> Any:
        parts = [("files", file) for file in files]
        return self.ok("POST", f"/collections/{collection}/documents", 202, files=parts, **more)

    def task(self, task_id: str) -> Any:
        return self.ok("GET", f"/tasks/{task_id}")

    def wait(self, task_id: str, state: str = "succeeded") -> Any:
        """Wait for the end of a task, which has to be `state`."""
        over = {"succeeded", "succeeded_with_gaps", "failed", "cancelled"}
        task = wait_for(lambda: (t := self.task(task_id)) and t["state"] in over and t, f"the end of {task_id}")
        assert task["state"] == state, task
        return task

    def pages(self, path: str, limit: int, **params: Any) -> list[Any]:
        """All rows of a list, page by page."""
        rows: list[Any] = []
        cursor = None
        while True:
            query = {"limit": limit, **params} | ({"cursor": cursor} if cursor else {})
            data = self.ok("GET", path, params=query)
            assert len(data["items"]) <= limit
            rows += data["items"]
            cursor = data["next_cursor"]
            if cursor is None:
                return rows
            assert len(data["items"]) == limit


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of a response, checked against RFC 9457 and our own members."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert {"type", "title", "status", "detail", "instance", "code", "request_id"} <= set(body)
    assert (body["status"], body["code"]) == (status, code), body
    assert body["type"] == f"urn:fileintel:problem:{code}"
    assert body["instance"] == response.request.url.path
    assert body["request_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    return body
