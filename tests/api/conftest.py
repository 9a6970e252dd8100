"""Two installations for the whole folder: one with workers and an index, one whose work stays in the queue."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from fileintel.celery_config import PREFORK_QUEUES
from fileintel.local.postgres import EmbeddedPostgres
from fileintel.storage import schema
from fileintel.storage.engine import Database
from tests.api.installation import KEY, READY, Caller, Installation, Redis, remove
from tests.conftest import SAMPLES, TEMPLATE, short_folder
from tests.standin import StandIn
from tests.standin.settings import Settings as StandInSettings

INDEXED = "kestervag"


@pytest.fixture(scope="package")
def attended(server_url: str, model_server_process: StandIn) -> Iterator[Installation]:
    """An API, a gevent worker for the graph, and a prefork worker for documents."""
    home, name = short_folder(), f"api_{uuid.uuid4().hex[:12]}"
    url = make_url(server_url)
    admin = create_engine(url.set(database="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    redis = Redis(home)
    redis.start()
    installation = Installation(
        home,
        redis,
        DATABASE_URL=url.set(database=name).render_as_string(hide_password=False),
        OPENAI_BASE_URL=model_server_process.base_url,
        FILEINTEL__LLM__MODEL="standin",
        FILEINTEL__LLM__ADAPTIVE="false",  # a test counts on as many at once as the settings allow
        FILEINTEL__EMBEDDING__MODEL="standin",
        FILEINTEL__EXTRACTION__FORMAT="tuple",
        FILEINTEL__API__KEYS=f"another-key,{KEY}",
        CELERY_RESULT_BACKEND=redis.url,
    )
    try:
        workers = [
            installation.start_graph_worker(),
            installation.start_worker("prefork", 1, ",".join(PREFORK_QUEUES)),
        ]
        installation.start_api()
        for worker in workers:
            worker.wait_for_output(READY)
        yield installation
    finally:
        installation.stop()
        redis.stop()
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        remove(home)


@pytest.fixture
def service(attended: Installation, model_server_process: StandIn) -> Iterator[Caller]:
    """The API of the installation with workers; its model server is as new."""
    model_server_process.configure(**vars(StandInSettings()))
    model_server_process.reset()
    with attended.client() as client:
        yield Caller(client)
    model_server_process.resume()


@pytest.fixture(scope="package")
def indexed(attended: Installation) -> str:
    """A collection that was uploaded and indexed over HTTP."""
    with attended.client() as client:
        caller = Caller(client)
        caller.collection(INDEXED)
        files = [(path.name, path.read_bytes()) for path in sorted(SAMPLES.glob("*.md"))]
        caller.wait(caller.upload(INDEXED, *files)["task_id"])
        caller.wait(caller.ok("POST", "/graphrag/index", 202, json={"collection_id": INDEXED})["task_id"])
    return INDEXED


class Unattended(Installation):
    """An installation without workers, with a PostgreSQL and a Redis of its own that may go away."""

    def __init__(self, home: Path) -> None:
        self.postgres = EmbeddedPostgres(home / "db")
        url = self.postgres.join()
        database = Database(url, pool_size=2)
        schema.upgrade(database)
        database.close()
        super().__init__(
            home, Redis(home), DATABASE_URL=url, FILEINTEL__API__KEYS=KEY, FILEINTEL__DOCUMENTS__MAX_FILE_MB="1"
        )
        self.redis.start()

    @property
    def spooled(self) -> list[Path]:
        """The files and folders of uploads."""
        return sorted((self.home / "spool").rglob("*"))

    def stop(self) -> None:
        super().stop()
        self.redis.stop()
        self.postgres.leave()


@pytest.fixture(scope="package")
def unattended() -> Iterator[Unattended]:
    home = short_folder()
    installation = Unattended(home)
    try:
        installation.start_api()
        yield installation
    finally:
        installation.stop()
        remove(home)


@pytest.fixture
def queueing(unattended: Unattended) -> Iterator[Caller]:
    """The API of the installation without workers: tasks stay queued."""
    with unattended.client() as client:
        yield Caller(client)


@pytest.fixture
def fresh_name() -> str:
    """A name that no other test has."""
    return f"c-{uuid.uuid4().hex[:12]}"
