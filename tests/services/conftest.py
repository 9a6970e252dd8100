"""Services in this process, with a database and a model server of each test's own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fileintel.config import load_settings
from fileintel.runs.add_documents import add_documents
from fileintel.workspace import Workspace
from tests import doing
from tests.standin import StandIn

COLLECTION = "port"
TEXTS = {
    "board.txt": "In 1904 Ilse Brandt joined the Harbour Board of Altona. Heinrich Tolle led the Harbour Board.",
    "sluice.txt": "Ilse Brandt drew Altona Sluice. Heinrich Tolle refused it, while Jonas Krohn measured silt.",
}

Opened = Callable[..., Workspace]


@pytest.fixture
def opened(home: Path, database_url: str, model_server: StandIn) -> Iterator[Opened]:
    """Opens workspaces with these settings, and closes them at the end."""
    workspaces: list[Workspace] = []

    def open_workspace(**settings: str) -> Workspace:
        environment = {
            "FILEINTEL_HOME": str(home),
            "DATABASE_URL": database_url,
            "OPENAI_BASE_URL": model_server.base_url,
            "FILEINTEL__LLM__MODEL": "standin",
            "FILEINTEL__EMBEDDING__MODEL": "standin",
            "FILEINTEL__EXTRACTION__FORMAT": "tuple",
            **settings,
        }
        workspaces.append(Workspace(load_settings(environ=environment)))
        return workspaces[-1]

    yield open_workspace
    for workspace in workspaces:
        workspace.close()


@pytest.fixture
def workspace(opened: Opened, write_document: Callable[[str, str], Path]) -> Workspace:
    """A workspace with a collection of two documents."""
    made = opened()
    doing.create_collection(made, COLLECTION)
    paths = [str(write_document(name, text)) for name, text in TEXTS.items()]
    assert all(addition.problem is None for addition in add_documents(made, COLLECTION, paths))
    return made
