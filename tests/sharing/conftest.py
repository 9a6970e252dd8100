"""Two gevent workers on one database and one broker, and a collection large enough for both."""

import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from fileintel.celery_config import make_app
from fileintel.config import load_settings
from fileintel.queues import CELERY, GRAPH_WORKER
from fileintel.runs import submission
from fileintel.runs.add_documents import add_documents
from fileintel.runs.dispatch import CeleryDispatcher
from fileintel.runs.index import Indexer
from fileintel.runs.index_request import IndexRequest
from fileintel.services.runs import described
from fileintel.workspace import Workspace
from tests import doing
from tests.api.installation import READY, Process, Redis, remove, wait_for
from tests.cli.tables import Tables, read_tables
from tests.conftest import FOREIGN, TEMPLATE, short_folder
from tests.doing import create_collection
from tests.standin import StandIn
from tests.standin.settings import Settings as StandInSettings

COLLECTION = "shared"
DOCUMENTS = 24
ENTITIES = 3 * DOCUMENTS  # of an index that lacks nothing
HELD = 10_000  # more than ever come: all are held until they are let go
LIMIT = 4  # questions that a worker has under way
TEXT = "Island {0} lies in the sea. A fox, a hare and an owl live there, and they know the pilot of Kestervag.\n"


@dataclass
class Crew:
    """The workers, and what the tests need to hand them runs."""

    home: Path
    url: str
    environment: dict[str, str]
    redis: Redis
    workspace: Workspace
    app: Celery
    model: StandIn
    workers: list[Process] = field(default_factory=list)

    def start_worker(self) -> None:
        """One more."""
        number = len(self.workers)
        options = [word for word in GRAPH_WORKER.options("gevent", 10) if not word.startswith("--hostname")]
        command = [sys.executable, "-m", *CELERY, *options, f"--hostname=worker{number}@%h", "--without-mingle"]
        self.workers.append(Process(command, self.environment, self.home / f"worker-{number}.log"))

    def wait_for_workers(self) -> None:
        """Until all that live take messages."""
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.wait_for_output(READY)

    def order(self) -> str:
        """Have everything asked afresh, and an index made of it; the id of the run."""
        self.model.reset()
        return submission.submit_index(
            self.workspace, CeleryDispatcher(self.app), IndexRequest(collection=COLLECTION, fresh=True)
        ).run_id

    def hold(self, count: int) -> None:
        """Hold all extractions, and wait until so many are under way."""
        self.model.gather(HELD, "extract")
        self.model.wait_until(lambda stats: stats.peaks["extract"] >= count)

    def wait(self, run_id: str) -> dict[str, Any]:
        """The run once it is over; if it says that it lacks nothing, it does not."""
        wait_for(lambda: described(self.workspace, run_id).is_over, "the end of the run")
        run = self.show(run_id)
        if run["state"] == "succeeded":
            assert len(self.tables()["entities"]) == ENTITIES, run
        return run

    def show(self, run_id: str) -> dict[str, Any]:
        return doing.show_run(self.workspace, run_id)

    @cached_property
    def alone(self) -> Tables:
        """The tables of an index that was made without help."""
        Indexer(self.workspace).index(IndexRequest(collection=COLLECTION, force=True, fresh=True))
        return self.tables()

    def tables(self) -> Tables:
        return read_tables(self.url, COLLECTION)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self.workspace.database.transaction() as session:
            return [tuple(row) for row in session.execute(text(statement))]

    def asked_twice(self) -> int:
        """How many chat questions were sent although they had been sent before."""
        return sum(each["asked"] - 1 for each in self.model.stats().questions.values())


@pytest.fixture(scope="package")
def installed(server_url: str, model_server_process: StandIn) -> Iterator[Crew]:
    home, name = short_folder(), f"sharing_{uuid.uuid4().hex[:12]}"
    url = make_url(server_url)
    admin = create_engine(url.set(database="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    own = url.set(database=name).render_as_string(hide_password=False)
    redis = Redis(home)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)},
        "FILEINTEL_HOME": str(home),
        "DATABASE_URL": own,
        "CELERY_BROKER_URL": redis.url,
        "OPENAI_BASE_URL": model_server_process.base_url,
        "FILEINTEL__LLM__MODEL": "standin",
        "FILEINTEL__LLM__MAX_RETRIES": "0",
        "FILEINTEL__EMBEDDING__MODEL": "standin",
        "FILEINTEL__EXTRACTION__FORMAT": "tuple",
        "FILEINTEL__GRAPHRAG__CONCURRENCY": str(LIMIT),
        "FILEINTEL__GRAPHRAG__SHARE_FROM": str(LIMIT),
        "PYTHONUNBUFFERED": "1",
    }
    with ExitStack() as stack:
        stack.callback(remove, home)
        redis.start()
        stack.callback(redis.stop)
        workspace = stack.enter_context(Workspace(load_settings({}, environment)))
        crew = Crew(home, own, environment, redis, workspace, make_app(redis.url, redis.url), model_server_process)
        stack.callback(lambda: [worker.stop() for worker in crew.workers])
        for _ in range(2):
            crew.start_worker()
        folder = home / "texts"
        folder.mkdir()
        for number in range(DOCUMENTS):
            (folder / f"island-{number:02}.txt").write_text(TEXT.format(f"x{number}"))
        create_collection(workspace, COLLECTION)
        assert all(not one.problem for one in add_documents(workspace, COLLECTION, [str(folder)]))
        crew.wait_for_workers()
        yield crew
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def crew(installed: Crew) -> Iterator[Crew]:
    """Both workers at their posts, and a model server as new."""
    model = installed.model
    model.configure(**vars(StandInSettings(answers="tests.cluster.islands:answer")))
    model.reset()
    yield installed
    model.resume()
