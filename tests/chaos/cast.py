"""The cast: real processes that can be killed and come back, each in its place (port, folder, name)."""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import httpx

from fileintel.local import keeper
from fileintel.local.postgres import EmbeddedPostgres
from fileintel.storage import schema
from fileintel.storage.engine import Database
from tests.api.installation import READY, Process, Redis, wait_for
from tests.conftest import FOREIGN
from tests.standin import StandIn

ROOT = Path(__file__).resolve().parents[2]
GRAPH_QUEUES = "graphrag_indexing,graphrag_queries"
MAIN_QUEUES = "default,document_processing"
START_LIMIT = 120.0  # seconds until a program counts as one that does not start
BATCH_SIZE, BATCHES = 16, 2  # texts in an embeddings request, and such requests at once
SETTINGS = {
    "FILEINTEL__LLM__MODEL": "standin",
    "FILEINTEL__EMBEDDING__MODEL": "standin",
    "FILEINTEL__LLM__TIMEOUT": "5",  # seconds; so that hung requests are cut soon
    "FILEINTEL__LLM__MAX_RETRIES": "8",
    "FILEINTEL__CHUNKING__SIZE": "120",
    "FILEINTEL__CHUNKING__OVERLAP": "20",
    "FILEINTEL__EMBEDDING__BATCH_SIZE": str(BATCH_SIZE),
    "FILEINTEL__EMBEDDING__CONCURRENCY": str(BATCHES),
    "FILEINTEL__STORAGE__PATIENCE": "200",
}


class Member(Protocol):
    """Something that runs, and is killed now and then."""

    name: str

    def start(self) -> None:
        """Come back; does not wait until it is ready."""

    def kill(self) -> None:
        """kill -9."""

    def has_ended(self) -> bool:
        """Whether it is gone, for whatever reason."""


class Postgres:
    """A PostgreSQL with a data folder."""

    name = "PostgreSQL"

    def __init__(self, home: Path) -> None:
        self._server = EmbeddedPostgres(home / "db")
        self._data = str(home / "db" / "postgres")
        self.url = self._server.join()
        database = Database(self.url, pool_size=2)
        schema.upgrade(database)
        database.close()

    def start(self) -> None:
        self._server.join()

    def kill(self) -> None:
        pid = keeper.server_pid(self._data)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: keeper.server_pid(self._data) != pid, "the end of PostgreSQL")

    def has_ended(self) -> bool:
        return keeper.server_pid(self._data) is None

    def close(self) -> None:
        self._server.leave()


class Broker:
    """A Redis that forgets everything when it is killed."""

    name = "Redis"

    def __init__(self, home: Path) -> None:
        self._redis = Redis(home)
        self.url = self._redis.url
        self._running = False

    def start(self) -> None:
        self._redis.start()
        self._running = True

    def kill(self) -> None:
        if self._running:
            self._redis.stop()
        self._running = False

    close = kill

    def has_ended(self) -> bool:
        return not self._running


class ModelServer:
    """The stand-in, always at the same port. Its book of sound answers survives it."""

    name = "model server"

    def __init__(self, home: Path, **settings: Any) -> None:
        self.book = home / "answered.jsonl"
        self._settings = settings
        self._server: StandIn | None = StandIn.start(book=self.book, **settings)
        self._port = self._server.port
        self.url = self._server.base_url

    def configure(self, **settings: Any) -> None:
        """Behave like this, now and after each start."""
        self._settings |= settings
        if self._server is not None:
            self._server.configure(**settings)

    def start(self) -> None:
        self._server = StandIn.start(self._port, book=self.book, **self._settings)

    def kill(self) -> None:
        assert self._server is not None
        self._server.kill()
        self._server = None

    def close(self) -> None:
        if self._server is not None:
            self._server.stop()

    def has_ended(self) -> bool:
        return self._server is None


class Program:
    """A process of FileIntel: each start writes a log of its own."""

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str], home: Path, ready: str) -> None:
        self.name = name
        self._command, self._environment, self._home, self._ready = command, environment, home, ready
        self._starts = 0
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """The process id, while it runs."""
        return None if self.has_ended() or self._process is None else self._process.process.pid

    def start(self) -> None:
        self._starts += 1
        log = self._home / f"{self.name.replace(' ', '-')}-{self._starts}.log"
        self._process = Process(self._command, self._environment, log)

    def wait_until_ready(self) -> str:
        """Wait for the word that says so; gives what is behind it on the line."""
        wait_for(self.is_ready, f"the start of {self.name}", START_LIMIT)
        assert self._process is not None
        return self._process.output().split(self._ready)[-1].splitlines()[0].strip()

    def is_ready(self) -> bool:
        """Whether it has said so."""
        return self._process is not None and self._ready in self._process.output()

    def kill(self) -> None:
        assert self._process is not None
        for pid in (self._process.process.pid, *children_of(self._process.process.pid)):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.process.wait()

    def ask_to_stop(self) -> None:
        """SIGTERM."""
        if self._process is not None and self._process.process.poll() is None:
            self._process.process.terminate()

    def has_ended(self) -> bool:
        return self._process is None or self._process.process.poll() is not None

    def close(self) -> None:
        if self._process is not None:
            self._process.stop()


class Api(Program):
    """The API; it gets a new port with each start."""

    @property
    def url(self) -> str:
        """Where it is now."""
        return self.wait_until_ready()


class Cast:
    """All of them, and what brings them back."""

    def __init__(self, home: Path, *, limit: int, graph_workers: int, **model: Any) -> None:
        self.home = home
        self.limit = limit
        self.model = ModelServer(home, **model)
        self.postgres = Postgres(home)
        self.broker = Broker(home)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)},
            **SETTINGS,
            "FILEINTEL_HOME": str(home),
            "DATABASE_URL": self.postgres.url,
            "OPENAI_BASE_URL": self.model.url,
            "CELERY_BROKER_URL": self.broker.url,
            "FILEINTEL__GRAPHRAG__CONCURRENCY": str(limit),
            "FILEINTEL__GRAPHRAG__SHARE_FROM": str(limit),  # so that the other workers help
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        }
        self.api = Api(
            "API", [sys.executable, "-m", "fileintel.api", "--port=0"], self.environment, home, "FileIntel API: "
        )
        self.graph_workers = [
            self._worker(f"graph worker {number + 1}", "gevent", 20, GRAPH_QUEUES) for number in range(graph_workers)
        ]
        self.main_worker = self._worker("main worker", "prefork", 1, MAIN_QUEUES)

    @property
    def members(self) -> list[Member]:
        """Everybody."""
        return [self.postgres, self.broker, self.model, self.api, self.main_worker, *self.graph_workers]

    @property
    def programs(self) -> list[Program]:
        """Those that are FileIntel."""
        return [self.api, self.main_worker, *self.graph_workers]

    def start(self) -> None:
        """Start everybody, and wait until all are ready."""
        self.broker.start()
        for program in self.programs:
            program.start()
        for program in self.programs:
            program.wait_until_ready()

    def stop(self) -> None:
        """End the programs as a person would, and wait for that."""
        for program in self.programs:
            program.ask_to_stop()
        for program in self.programs:
            program.close()

    def close(self) -> None:
        """End everything, come what may."""
        for program in self.programs:
            if not program.has_ended():
                program.kill()
        for foundation in (self.broker, self.model, self.postgres):
            foundation.close()

    def client(self) -> httpx.Client:
        """An HTTP client for the API as it is now."""
        return httpx.Client(base_url=f"{self.api.url}/api/v2", timeout=30)

    def _worker(self, name: str, pool: str, concurrency: int, queues: str) -> Program:
        command = [sys.executable, "-m", "celery", "-A", "tests.chaos.worker_app:app", "worker"]
        command += [f"--pool={pool}", f"--concurrency={concurrency}", f"--queues={queues}"]
        command += [f"--hostname={name.replace(' ', '_')}@%h", "--without-mingle", "--without-gossip"]
        return Program(name, command, self.environment, self.home, READY)


def children_of(pid: int) -> list[int]:
    """The process ids of a process's children, and of theirs."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == pid:
                found += [int(entry.name), *children_of(int(entry.name))]
    return found


def patiently(work: Callable[[], Any], what: str, limit: float = START_LIMIT) -> Any:
    """What a call to the API returns, made again while it, or what it stands on, is away."""
    give_up = time.monotonic() + limit
    while True:
        try:
            return work()
        except (httpx.HTTPError, AssertionError) as error:
            if time.monotonic() > give_up:
                raise TimeoutError(f"{what}: {error}") from error
            time.sleep(0.2)
