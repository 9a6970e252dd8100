"""An index folder to take over, and a workspace to take it into."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from fileintel.config import load_settings
from fileintel.graphrag.export import export_index
from fileintel.storage.engine import Database
from fileintel.workspace import Workspace
from tests.conftest import FOREIGN
from tests.export.example import Example, example, publish
from tests.standin import StandIn


@pytest.fixture
def workspace(home: Path, database_url: str, model_server: StandIn) -> Iterator[Workspace]:
    """An installation with the stand-in as its model server."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)} | {
        "FILEINTEL_HOME": str(home),
        "DATABASE_URL": database_url,
        "OPENAI_BASE_URL": model_server.base_url,
        "FILEINTEL__LLM__MODEL": "standin",
        "FILEINTEL__EMBEDDING__MODEL": "standin",
        "FILEINTEL__LLM__PATIENCE": "0",
        "FILEINTEL__LLM__MAX_RETRIES": "0",
    }
    with Workspace(load_settings(environ=environment)) as opened:
        yield opened


@pytest.fixture(scope="session")
def made() -> Example:
    """The parts of the index in the folder."""
    return example("ostrand")


@pytest.fixture(scope="session")
def folder(server_url: str, made: Example, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index folder with the present tables. Only to be read."""
    place = tmp_path_factory.mktemp("index") / "output"
    url, name = make_url(server_url), f"import_{uuid.uuid4().hex[:12]}"
    admin = create_engine(url.set(database="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE fileintel"))
    database = Database(url.set(database=name).render_as_string(hide_password=False), pool_size=2)
    export_index(database, publish(database, made), place)
    database.close()
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    return place
