"""A small collection: a database with its documents, one with the model's answers too, and the index that results."""

import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from fileintel.config import load_settings
from fileintel.runs.add_documents import add_documents
from fileintel.runs.index import Indexer, IndexRequest
from fileintel.storage import collections
from fileintel.workspace import Workspace
from tests import doing
from tests.chaos import documents
from tests.cli.tables import Tables, read_tables
from tests.conftest import TEMPLATE
from tests.standin import StandIn
from tests.standin.settings import Settings as StandInSettings

COLLECTION = "chronicles"
LIMIT = 6  # chat questions at once
SETTINGS = {
    "llm.model": "standin",
    "embedding.model": "standin",
    "embedding.batch_size": 8,
    "chunking.size": 120,
    "chunking.overlap": 20,
    "graphrag.concurrency": LIMIT,
}


def open_workspace(url: str, model: StandIn, home: Path, **settings: object) -> Workspace:
    """A workspace of one's own, as each worker process has it; `settings` with two underscores for the dot."""
    own = {"home": str(home), "storage.url": url, "storage.pool_size": 5, "llm.base_url": model.base_url}
    more = {name.replace("__", "."): value for name, value in settings.items()}
    return Workspace(load_settings({**SETTINGS, **own, **more}, environ={}))


@dataclass(frozen=True)
class Town:
    """Databases to copy, by name, and what an index has to hold."""

    server_url: str
    with_documents: str
    with_answers: str
    tables: Tables

    def copy(self, *, answered: bool = False) -> AbstractContextManager[str]:
        """A database for the time of a `with` block; gives its URL."""
        return copy_of(self.server_url, self.with_answers if answered else self.with_documents)


@contextmanager
def copy_of(server_url: str, template: str) -> Iterator[str]:
    """A copy of a database for the time of the block; gives its URL."""
    name = f"resume_{uuid.uuid4().hex[:12]}"
    url = make_url(server_url)
    admin = create_engine(url.set(database="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def town(server_url: str, model_server_process: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Three chronicles, indexed without any trouble."""
    folder = tmp_path_factory.mktemp("chronicles")
    for name, content in documents.write(1, 3, 2).items():
        (folder / name).write_text(content)
    model_server_process.configure(**vars(StandInSettings()))
    model_server_process.reset()
    with copy_of(server_url, TEMPLATE) as before:
        with open_workspace(before, model_server_process, folder) as workspace:
            with workspace.database.transaction() as session:
                collections.create(session, COLLECTION)
            assert len(list(add_documents(workspace, COLLECTION, [str(folder)]))) == 3
        prepared = str(make_url(before).database)
        with copy_of(server_url, prepared) as after:
            with open_workspace(after, model_server_process, folder) as workspace:
                assert Indexer(workspace).index(IndexRequest(collection=COLLECTION))
                tables = read_tables(after, COLLECTION)
                doing.delete_index(workspace, COLLECTION)
                with workspace.database.transaction() as session:
                    session.execute(text("DELETE FROM runs"))
            yield Town(server_url, prepared, str(make_url(after).database), tables)
