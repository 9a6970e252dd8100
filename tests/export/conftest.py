"""One database for all tests of the export, with one example index that no test changes."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from fileintel.graphrag.export import export_index
from fileintel.storage.engine import Database
from fileintel.storage.models import IndexVersion
from tests.export.example import Example, example, publish


@pytest.fixture(scope="package")
def database(server_url: str) -> Iterator[Database]:
    url, name = make_url(server_url), f"export_{uuid.uuid4().hex[:12]}"
    admin = create_engine(url.set(database="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE fileintel"))
    database = Database(url.set(database=name).render_as_string(hide_password=False), pool_size=2)
    yield database
    database.close()
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="package")
def made() -> Example:
    return example("ostrand")


@pytest.fixture(scope="package")
def version(database: Database, made: Example) -> IndexVersion:
    return publish(database, made)


@pytest.fixture(scope="package")
def exported(database: Database, version: IndexVersion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the example's files."""
    folder = tmp_path_factory.mktemp("export") / "ostrand"
    export_index(database, version, folder)
    return folder
