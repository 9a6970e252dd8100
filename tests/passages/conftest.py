"""A collection in a database of the test's own, worked on in this process, and a model server over HTTP."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fileintel.config import load_settings
from fileintel.runs.add_documents import add_documents
from fileintel.workspace import Workspace
from tests import doing
from tests.conftest import SAMPLES
from tests.standin import StandIn

COLLECTION = "town"
DOCUMENTS = ("interview-erna-sollid-1991.md", "the-lost-pear-of-monte-arsone.md", "travel-guide-kestervag.md")

Opener = Callable[..., Workspace]


@pytest.fixture
def opened(database_url: str, model_server: StandIn, home: Path) -> Iterator[Opener]:
    """Opens workspaces on the test's database; settings with dots in their names are written with `__`."""
    workspaces: list[Workspace] = []

    def open_workspace(**settings: object) -> Workspace:
        changed = {name.replace("__", "."): value for name, value in settings.items()}
        chosen = {
            "home": str(home),
            "storage.url": database_url,
            "llm.base_url": model_server.base_url,
            "llm.model": "standin",
            "embedding.model": "standin",
            "llm.patience": 5.0,
            "llm.max_retries": 1,
            "chunking.size": 200,
            "chunking.overlap": 20,
            **changed,
        }
        workspaces.append(Workspace(load_settings(chosen, {})))
        return workspaces[-1]

    yield open_workspace
    for workspace in workspaces:
        workspace.close()


@pytest.fixture
def workspace(opened: Opener) -> Workspace:
    """A workspace with the collection `town`, whose documents have been read."""
    workspace = opened()
    doing.create_collection(workspace, COLLECTION)
    paths = [str(SAMPLES / name) for name in DOCUMENTS]
    assert not [one.problem for one in add_documents(workspace, COLLECTION, paths) if one.problem]
    return workspace
