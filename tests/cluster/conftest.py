"""Three installations, one after the other: on Redis, through PgBouncer, with RabbitMQ as the broker."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from fileintel.local.postgres import EmbeddedPostgres
from fileintel.storage import collections, documents, schema
from fileintel.storage.engine import Database
from fileintel.storage.models import Document
from tests.api.installation import Caller, Redis, remove
from tests.cluster import islands
from tests.cluster.cluster import Cluster
from tests.cluster.servers import PgBouncer, RabbitMQ
from tests.conftest import short_folder
from tests.standin import StandIn
from tests.standin.settings import Settings as StandInSettings

KINDS = ("redis", "pgbouncer", "rabbitmq")
ARCHIPELAGO = "archipelago"  # a collection of many islands
ISLANDS_TOGETHER = 60
ISLANDS_ALONE = [f"island-{number}" for number in range(110)]  # collections of one island each


class DatabaseServer:
    """A PostgreSQL of these tests' own, which they may kill. Its database `fileintel` has the collections."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.postgres = EmbeddedPostgres(home)
        self.url = make_url(self.postgres.join())
        database = Database(self.url.render_as_string(hide_password=False), pool_size=2)
        schema.upgrade(database)
        for name in ISLANDS_ALONE:
            _add(database, name, [name])
        _add(database, ARCHIPELAGO, [f"{ARCHIPELAGO}-{number}" for number in range(ISLANDS_TOGETHER)])
        database.close()

    def copy(self) -> str:
        """The URL of a new database like it."""
        name = f"cluster_{uuid.uuid4().hex[:12]}"
        admin = create_engine(self.url.set(database="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            # the other strategy of PostgreSQL 18 does not write everything about unlogged tables to the disk at once
            # (with wal_level=minimal), and these servers are killed
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {self.url.database} STRATEGY file_copy"))
        return self.url.set(database=name).render_as_string(hide_password=False)


def _add(database: Database, collection: str, names: list[str]) -> None:
    """A collection with a document about each island. Read from files, a hundred collections would take seconds."""
    with database.transaction() as session:
        home = collections.create(session, collection, "")
        for name in names:
            content = islands.document(name)
            one = Document(
                id=str(uuid.uuid4()),
                collection_id=home.id,
                sha256=uuid.uuid4().hex * 2,
                name=f"{name}.txt",
                title=name,
                source="test",
                media_type="text/plain",
                size=len(content),
                pages=1,
                characters=len(content),
                properties={},
            )
            session.add(one)
            session.flush()
            documents.add_pages(session, one.id, [(1, None, 0, len(content), content)])


@pytest.fixture(scope="package")
def database_server() -> Iterator[DatabaseServer]:
    home = short_folder()
    server = DatabaseServer(home)
    yield server
    server.postgres.leave()
    remove(home)


@pytest.fixture(scope="package", params=KINDS)
def cluster(
    request: pytest.FixtureRequest, database_server: DatabaseServer, model_server_process: StandIn
) -> Iterator[Cluster]:
    """The whole service. Its workers were started with the commands of the compose file."""
    home, kind = short_folder(), str(request.param)
    with ExitStack() as stack:
        stack.callback(remove, home)
        redis = Redis(home, "--appendonly", "yes")
        broker = RabbitMQ(home) if kind == "rabbitmq" else redis
        database_url = database_server.copy()
        pooler = PgBouncer(home, make_url(database_url)) if kind == "pgbouncer" else None
        for server in {id(each): each for each in (redis, broker, pooler) if each is not None}.values():
            server.start()
            stack.callback(server.stop)
        started = Cluster(home, database_url, model_server_process, redis=redis, broker=broker, pooler=pooler)
        stack.callback(started.stop)
        started.start()
        yield started


@pytest.fixture
def model(model_server_process: StandIn) -> Iterator[StandIn]:
    """The model server of all clusters, which sees an island in each document."""
    model_server_process.configure(**vars(StandInSettings(answers=islands.answer)))  # type: ignore[arg-type]
    model_server_process.reset()
    yield model_server_process
    model_server_process.resume()


@pytest.fixture
def service(cluster: Cluster, model: StandIn) -> Iterator[Caller]:
    """The API of the cluster."""
    with cluster.client() as client:
        yield Caller(client)
