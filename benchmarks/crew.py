"""Celery workers for a benchmark: a broker of their own, some workers of one kind, and a run that is handed to them."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from celery import Celery

from benchmarks import corpus, measuring
from benchmarks.index import READING
from benchmarks.simulator import Record
from benchmarks.workplace import Workplace
from fileintel.celery_config import make_app
from fileintel.local.redis import EmbeddedRedis
from fileintel.queues import CELERY, GRAPH_WORKER
from fileintel.runs import submission
from fileintel.runs.dispatch import CeleryDispatcher
from fileintel.runs.index_request import IndexRequest
from fileintel.services.runs import described
from fileintel.workspace import Workspace
from tests.api.installation import READY

START_SECONDS, END_SECONDS = 180.0, 3600.0
LOOK_SECONDS = 0.05
COLLECTION = "crew"


@dataclass(frozen=True)
class Worked:
    """A run that is over. `wall`: seconds from the first question about a text unit until the index was published;
    `cpu`: seconds of all workers during the run; `workers`: how many have answered at once, at most."""

    wall: float
    cpu: float
    workers: int
    records: list[Record]


class Worker:
    """One Celery worker process."""

    def __init__(self, number: int, pool: str, concurrency: int, environment: dict[str, str], folder: Path) -> None:
        self._log = folder / f"worker-{number}.log"
        options = [word for word in GRAPH_WORKER.options(pool, concurrency) if not word.startswith("--hostname")]
        command = [sys.executable, "-m", *CELERY, *options, f"--hostname=worker{number}@%h"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def wait_until_ready(self) -> None:
        """Until it takes messages."""
        give_up = time.monotonic() + START_SECONDS
        while READY not in self._log.read_text(errors="replace"):
            assert self._process.poll() is None, self._log.read_text(errors="replace")
            assert time.monotonic() < give_up, "a worker does not get ready"
            time.sleep(LOOK_SECONDS)

    def cpu(self) -> float:
        """Seconds of CPU so far, of the process and of its children."""
        return sum(map(measuring.cpu_of, measuring.family_of(self._process.pid)))

    def stop(self) -> None:
        """End it, and wait for that."""
        self._process.terminate()
        try:
            self._process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Crew:
    """Workers at their posts."""

    def __init__(self, place: Workplace, app: Celery, workers: Sequence[Worker]) -> None:
        self._place = place
        self._app = app
        self._workers = workers

    def index(self, characters: int, documents: int) -> Worked:
        """Make a collection, and have it indexed."""
        with Workspace(self._place.settings()) as workspace:
            environment = self._place.environment()
            paths = corpus.write(self._place.home / COLLECTION, characters, documents)
            for words in (["collections", "create", COLLECTION], ["documents", "add", COLLECTION, *map(str, paths)]):
                done = measuring.run_command([sys.executable, "-m", "fileintel", *words], environment, self._place.home)
                assert done.code == 0, done.output
            before = sum(worker.cpu() for worker in self._workers)
            run_id = submission.submit_index(
                workspace, CeleryDispatcher(self._app), IndexRequest(collection=COLLECTION)
            ).run_id
            give_up = time.monotonic() + END_SECONDS
            while not (run := described(workspace, run_id)).is_over:
                assert time.monotonic() < give_up, run
                time.sleep(LOOK_SECONDS)
            ended = time.monotonic()
            assert run.state == "succeeded", run
            records = self._place.simulator.records()
            cpu = sum(worker.cpu() for worker in self._workers) - before
            began = min(record.arrived for record in records if record.purpose in READING)
            return Worked(ended - began, cpu, int(run.llm["workers"]), records)


@contextmanager
def crew(place: Workplace, workers: int, slots: int, pool: str = "gevent", concurrency: int = 100) -> Iterator[Crew]:
    """Workers of the graph queues, each with so many questions at once; gone afterwards."""
    with ExitStack() as stack:
        redis = EmbeddedRedis(place.home)
        broker, backend = redis.start()
        stack.callback(redis.stop)
        environment = place.environment(
            graphrag__concurrency=slots, celery__broker_url=broker, celery__result_backend=backend
        )
        started = [Worker(number, pool, concurrency, environment, place.home) for number in range(workers)]
        for worker in started:
            stack.callback(worker.stop)
        for worker in started:
            worker.wait_until_ready()
        app = make_app(broker, backend)
        stack.callback(app.close)
        yield Crew(place, app, started)
