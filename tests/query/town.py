"""A small town: documents, an index, and threads (or greenlets) that do something meanwhile."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fileintel.config import load_settings
from fileintel.graphrag.query.query_request import QueryRequest
from fileintel.runs import questions
from fileintel.runs.add_documents import add_documents
from fileintel.runs.index import Indexer
from fileintel.runs.index_request import IndexRequest
from fileintel.workspace import Workspace
from tests.standin import StandIn

COLLECTION = "town"
LIMIT = 120.0  # seconds until a condition counts as never met
Place = list[str]  # home, URL of the database, URL of the model server


def opened(place: Place, **settings: object) -> Workspace:
    """A workspace there; settings with dots in their names are written with `__`."""
    home, database_url, base_url = place
    chosen = {
        "home": home,
        "storage.url": database_url,
        "llm.base_url": base_url,
        "llm.model": "standin",
        "llm.adaptive": False,
        "embedding.model": "standin",
        "extraction.format": "tuple",
        "graphrag.max_gleanings": 0,
        **{name.replace("__", "."): value for name, value in settings.items()},
    }
    return Workspace(load_settings(chosen, {}))


def model_of(place: Place) -> StandIn:
    """The model server, as tests control it from another process too."""
    return StandIn(None, place[2])  # type: ignore[arg-type]


def add(workspace: Workspace, first: int, count: int, collection: str = COLLECTION) -> None:
    """Add documents of a sentence each."""
    folder = Path(workspace.home) / "texts"
    folder.mkdir(exist_ok=True)
    paths = []
    for number in range(first, first + count):
        path = folder / f"{number}.txt"
        path.write_text(f"Ilse Brandt {number} drew Altona Sluice {number} for the Harbour Board.", encoding="utf-8")
        paths.append(str(path))
    assert all(one.problem is None for one in add_documents(workspace, collection, paths))


def build(workspace: Workspace, collection: str = COLLECTION, *, force: bool = False) -> None:
    """Bring the index up to date, or build it anew."""
    assert Indexer(workspace).index(IndexRequest(collection=collection, force=force))


class AnswerListener:
    """Listens to an answer; `text` is what counts of it."""

    def __init__(self) -> None:
        self.text = ""

    def hear(self, text: str) -> None:
        self.text += text

    def forget(self) -> None:
        self.text = ""


def ask(workspace: Workspace, question: str, listener: AnswerListener | None = None, **more: Any) -> dict[str, Any]:
    """A question to the index."""
    return questions.ask(workspace, COLLECTION, QueryRequest(question, **more), listener)


class Meanwhile:
    """Something that is done in a thread; `result` waits for it."""

    def __init__(self, work: Callable[..., Any], *arguments: Any, **more: Any) -> None:
        self._outcome: list[Any] = []
        self._error: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, args=(work, arguments, more), daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def result(self) -> Any:
        """What it returned; raises what it raised."""
        self._thread.join(LIMIT)
        assert self.is_over
        if self._error:
            raise self._error[0]
        return self._outcome[0]

    def _run(self, work: Callable[..., Any], arguments: tuple[Any, ...], more: dict[str, Any]) -> None:
        try:
            self._outcome.append(work(*arguments, **more))
        except BaseException as error:  # noqa: BLE001 -- whoever waits for the result has to hear of it
            self._error.append(error)


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Poll until a condition holds."""
    give_up = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < give_up, f"never happened: {what}"
        time.sleep(0.01)
