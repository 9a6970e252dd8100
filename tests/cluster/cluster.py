"""A whole installation: API, both workers with the plain commands of the compose file, and the servers below them."""

import io
import os
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from celery import Celery, Task
from celery.result import AsyncResult
from kombu import pools
from pyarrow import BufferReader, parquet
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from fileintel.celery_config import make_app
from tests.api.installation import BINARIES, KEY, READY, Caller, Installation, Process, Redis
from tests.cluster.servers import PgBouncer
from tests.deployment.compose import services
from tests.standin import StandIn

MAIN, GRAPH = "celery-worker", "celery-graphrag-gevent"
TICKS = os.sysconf("SC_CLK_TCK")  # of CPU time, in a second


class Broker(Protocol):
    """What carries the messages."""

    url: str

    def start(self) -> None: ...

    def stop(self) -> None:
        """Kill it; what it was given is on its disk."""


@dataclass(frozen=True)
class Effort:
    """What a process has used up to some moment: CPU time in seconds, memory (RSS) in bytes."""

    seconds: float
    memory: int


class Cluster(Installation):
    """The API and two workers on a broker and a database.

    Parameters:
      database_url: PostgreSQL itself. The processes are given the address of `pooler` if there is one.
    """

    def __init__(
        self,
        home: Path,
        database_url: str,
        model_server: StandIn,
        *,
        redis: Redis,
        broker: Broker,
        pooler: PgBouncer | None,
    ) -> None:
        self.database_url = database_url
        self.broker = broker
        self.pooler = pooler
        self.workers: dict[str, Process] = {}
        super().__init__(
            home,
            redis,
            DATABASE_URL=pooler.url if pooler else database_url,
            CELERY_BROKER_URL=broker.url,
            CELERY_RESULT_BACKEND=redis.url,
            # by name, so that names are looked up
            OPENAI_BASE_URL=f"http://localhost:{model_server.port}/v1",
            FILEINTEL__LLM__MODEL="standin",
            FILEINTEL__EMBEDDING__MODEL="standin",
            FILEINTEL__API__KEYS=KEY,
            GEVENT_RESOLVER=services()[GRAPH]["environment"]["GEVENT_RESOLVER"],
        )

    def start(self) -> None:
        """Start everything, and see what the graph worker has used until it was ready."""
        for service in (GRAPH, MAIN):
            self.start_service(service)
        self.start_api()
        self.workers[GRAPH].wait_for_output(READY)
        self.effort = effort_of(self.workers[GRAPH].process.pid)
        self.workers[MAIN].wait_for_output(READY)

    def start_service(self, service: str, *changes: str) -> Process:
        """Start a worker as the compose file does; `changes` are options that replace those of the same name."""
        log = self.home / f"{service}-{len(self._workers)}.log"
        # the name under which PostgreSQL and PgBouncer list the connections
        environment = {**self.environment, "PGAPPNAME": service}
        process = Process(self.command(service, *changes), environment, log)
        self._workers.append(process)
        self.workers[service] = self._stack.enter_context(process)
        return process

    @staticmethod
    def command(service: str, *changes: str) -> list[str]:
        """The command of a worker as the compose file has it."""
        program, *words = services()[service]["command"]
        for change in changes:
            name = change.partition("=")[0]
            words = [change if word.partition("=")[0] == name else word for word in words]
        return [str(BINARIES / program), *words]

    def replace(self, service: str, *changes: str) -> Process:
        """Stop a worker, and start another one in its place, with other options or none."""
        self.workers[service].stop()
        other = self.start_service(service, *changes)
        other.wait_for_output(READY)
        return other

    def connections(self) -> Counter[str]:
        """How many connections each service holds, as PostgreSQL, or PgBouncer in front of it, sees them."""
        if self.pooler is not None:
            return Counter(str(client["application_name"]) for client in self.pooler.clients())
        found = self.rows(
            "SELECT application_name, count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() GROUP BY 1"
        )
        return Counter({str(name): int(count) for name, count in found})

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What a statement returns, asked of PostgreSQL itself."""
        engine = create_engine(self.database_url, poolclass=NullPool)
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    @contextmanager
    def celery(self) -> Iterator[Celery]:
        """The application, for calls of tasks as any Python program makes them."""
        app = make_app(self.broker.url, self.redis.url)
        try:
            yield app
        finally:
            app.close()
            pools.reset()  # they are kept for all applications of a process, and the next broker is another one


def delay(app: Celery, task: Task, **arguments: Any) -> AsyncResult:
    """Call a task through this cluster's application. Its own `delay` sends to the broker of the environment."""
    return app.send_task(task.name, kwargs=arguments)


@contextmanager
def watched(app: Celery) -> Iterator[dict[str, str]]:
    """Which node has started which task, by task id, as Flower hears of it."""
    nodes: dict[str, str] = {}
    listening = threading.Event()
    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(
            connection, handlers={"task-started": lambda event: nodes.update({event["uuid"]: event["hostname"]})}
        )
        receiver.on_consume_ready = lambda *_args, **_more: listening.set()

        def listen() -> None:
            for _ in receiver.itercapture(limit=None, timeout=None, wakeup=False):
                pass

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        assert listening.wait(30)
        try:
            yield nodes
        finally:
            receiver.should_stop = True
            thread.join()


def effort_of(pid: int) -> Effort:
    """What a process has used up to now."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text()
    (resident,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
    return Effort((int(fields[11]) + int(fields[12])) / TICKS, int(resident) * 1024)


def exported(caller: Caller, collection: str) -> dict[str, bytes]:
    """The files of an export. The tables with the day of the run are written again without it."""
    archive = zipfile.ZipFile(io.BytesIO(caller.http.get(f"/api/v2/graphrag/{collection}/export").content))
    return {name: _timeless(name, archive.read(name)) for name in archive.namelist()}


def _timeless(name: str, content: bytes) -> bytes:
    if not name.endswith(".parquet"):
        return content
    table = parquet.read_table(BufferReader(content))
    if "period" not in table.column_names:
        return content
    return repr(table.drop_columns("period").to_pylist()).encode()
