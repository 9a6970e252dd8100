"""Databases to start from: one with a small town's documents, one with their index. Copies cost next to nothing."""

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from fileintel.queues import GRAPHRAG_QUEUES, PREFORK_QUEUES
from tests.api.installation import KEY, READY, Installation, Redis, remove
from tests.conftest import FOREIGN, SAMPLES, TEMPLATE, CommandLine, Finished, short_folder
from tests.standin import StandIn
from tests.standin.settings import Settings

from .tables import Tables, read_tables

COLLECTION = "town"
DOCUMENTS = ("interview-erna-sollid-1991.md", "the-lost-pear-of-monte-arsone.md", "travel-guide-kestervag.md")


@dataclass(frozen=True)
class Town:
    """The collection `town`, indexed without any trouble. Only to be read.

    Attributes:
        database: Name of the database.
        answered: What the server answered meanwhile, by purpose.
    """

    fileintel: CommandLine
    database: str
    url: str
    built: Finished
    tables: Tables
    answered: dict[str, int]
    peak_in_flight: int

    @property
    def status(self) -> dict[str, Any]:
        """What `index --json` printed."""
        status: dict[str, Any] = self.built.json
        return status


def environment(home: Path, **settings: str) -> dict[str, str]:
    """This process's environment without settings of FileIntel, and with these."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return clean | {"FILEINTEL_HOME": str(home)} | settings


def served(home: Path, url: str, model_server: StandIn) -> CommandLine:
    """A command line with a database and a model server."""
    settings = {
        "FILEINTEL__LLM__MODEL": "standin",
        "FILEINTEL__EMBEDDING__MODEL": "standin",
        "FILEINTEL__EXTRACTION__FORMAT": "tuple",
    }
    return CommandLine(environment(home, DATABASE_URL=url, OPENAI_BASE_URL=model_server.base_url, **settings))


@pytest.fixture(scope="session")
def copied(server_url: str) -> Callable[[str], Any]:
    """Makes a copy of a database for the time of a `with` block; gives its name and URL."""
    url = make_url(server_url)
    admin = create_engine(url.set(database="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")

    @contextmanager
    def copy(template: str) -> Iterator[tuple[str, str]]:
        name = f"cli_{uuid.uuid4().hex[:12]}"
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        yield name, url.set(database=name).render_as_string(hide_password=False)
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))

    return copy


@pytest.fixture(scope="session")
def shared_home() -> Iterator[Path]:
    folder = short_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def with_documents(copied: Any, model_server_process: StandIn, shared_home: Path) -> Iterator[str]:
    """The name of a database in which the collection `town` has its documents and no index."""
    with copied(TEMPLATE) as (name, url):
        fileintel = served(shared_home, url, model_server_process)
        fileintel("collections", "create", COLLECTION)
        fileintel("documents", "add", COLLECTION, *(SAMPLES / document for document in DOCUMENTS))
        yield name


@pytest.fixture(scope="session")
def town(copied: Any, with_documents: str, model_server_process: StandIn, shared_home: Path) -> Iterator[Town]:
    """The collection `town` with its index."""
    model_server_process.configure(**vars(Settings()))
    model_server_process.reset()
    with copied(with_documents) as (name, url):
        fileintel = served(shared_home, url, model_server_process)
        built = fileintel("graphrag", "index", COLLECTION, "--json")
        stats = model_server_process.stats()
        yield Town(fileintel, name, url, built, read_tables(url), dict(stats.answered), stats.peak_in_flight)


@pytest.fixture
def prepared(copied: Any, with_documents: str, model_server: StandIn, home: Path) -> Iterator[CommandLine]:
    """A command line of this test's own: the collection `town` has its documents and no index."""
    with copied(with_documents) as (_, url):
        yield served(home, url, model_server)


@pytest.fixture
def indexed(copied: Any, town: Town, model_server: StandIn, home: Path) -> Iterator[CommandLine]:
    """A command line of this test's own: the collection `town` has its index."""
    with copied(town.database) as (_, url):
        yield served(home, url, model_server)


@dataclass(frozen=True)
class Twins:
    """Two ways to one database, in which the collection `town` has its index.

    Attributes:
        here: A command line that does the work itself.
        there: One that knows only the URL of a service, and its key.
        installation: That service.
    """

    here: CommandLine
    there: CommandLine
    installation: Installation


def speaking_to(url: str, home: Path, **settings: str) -> CommandLine:
    """A command line without a database of its own."""
    return CommandLine(environment(home, FILEINTEL_API_URL=url, FILEINTEL_API_KEY=KEY, **settings))


@pytest.fixture(scope="session")
def twins(copied: Any, town: Town, model_server_process: StandIn, shared_home: Path) -> Iterator[Twins]:
    """A service with its workers, and both ways to its database."""
    home = short_folder()
    redis = Redis(home)
    redis.start()
    with copied(town.database) as (_, url):
        here = served(shared_home, url, model_server_process)
        own = {name: one for name, one in here.environment.items() if name.startswith(FOREIGN)}
        installation = Installation(home, redis, **{**own, "FILEINTEL_HOME": str(home)}, FILEINTEL__API__KEYS=KEY)
        try:
            workers = [
                installation.start_worker("gevent", 20, ",".join(GRAPHRAG_QUEUES)),
                installation.start_worker("prefork", 1, ",".join(PREFORK_QUEUES)),
            ]
            installation.start_api()
            for worker in workers:
                worker.wait_for_output(READY)
            yield Twins(here, speaking_to(installation.url, home / "nothing"), installation)
        finally:
            installation.stop()
            redis.stop()
            remove(home)


@pytest.fixture(params=["here", "by a service"])
def either(request: pytest.FixtureRequest, model_server: StandIn) -> CommandLine:
    """A command line that does the work itself, and one that hands it to a service."""
    if request.param == "here":
        own: CommandLine = request.getfixturevalue("fileintel")
        return own
    twins: Twins = request.getfixturevalue("twins")
    return twins.there
