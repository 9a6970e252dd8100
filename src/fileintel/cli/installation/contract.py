"""The abilities of an installation, by subject. Errors are those of `fileintel.errors`, wherever the work is done."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from fileintel.graphrag.query.answer_stream import AnswerListener
    from fileintel.graphrag.query.query_request import QueryRequest
    from fileintel.operations import Operation, Page
    from fileintel.operations.declaration import Asked, Found
    from fileintel.operations.paging import Item, PageRequest
    from fileintel.runs.index_request import IndexRequest

from fileintel.errors import BudgetReached, NotFoundError

LARGEST_PAGE = 1000  # rows that an operation gives at once

PagedT = TypeVar("PagedT", bound="PageRequest")

Row = dict[str, Any]  # as services return it and the API sends it: texts, numbers, lists, dictionaries


@dataclass(frozen=True)
class StageProgress:
    """How far a stage is, in items; `cached` of `done` came from the answer store."""

    name: str
    total: int
    done: int
    cached: int
    failed: int
    seconds: float


@dataclass(frozen=True)
class Pressure:
    """What the gate in front of the model server looks like; `limit` is the current one, `ceiling` the configured."""

    in_flight: int
    limit: int
    ceiling: int
    throttled: bool
    away_seconds: float | None = None  # how long it has not answered


@dataclass(frozen=True)
class Progress:
    """A task at work. The pressure is known only where the work is done."""

    stages: Sequence[StageProgress]
    llm: Mapping[str, int]
    pressure: Pressure | None = None

    @classmethod
    def of(cls, stages: Sequence[Mapping[str, Any]], llm: Mapping[str, int]) -> "Progress":
        """From a task as it is shown."""
        return cls([StageProgress(**stage) for stage in stages], llm)


class Watcher(Protocol):
    """Hears how a task goes on."""

    def began(self, task_id: str) -> None:
        """There is something to do, and this is its id."""

    def happened(self, event: Row) -> None:
        """Something that stays true: `number`, `kind`, `data`, `created_at`."""

    def progressed(self, progress: Progress) -> None:
        """The counts have changed; about once a second."""

    def say(self, message: str) -> None:
        """Something for a person, such as that the connection is lost."""


@dataclass(frozen=True)
class WaitOptions:
    """How a command stays with the run that it starts.

    Parameters:
      wait: follow the run to its end; in this process it is always so.
      cancel_on_interrupt: Ctrl-C cancels the run, instead of leaving it to be gone on with.
    """

    wait: bool = False
    cancel_on_interrupt: bool = False


NO_WAIT = WaitOptions()


@dataclass(frozen=True)
class ProcessingOrder:
    """What to make of a collection's documents: vectors, metadata; with neither, only passages.

    Parameters:
      wait, cancel_on_interrupt: as in `WaitOptions`.
    """

    collection: str
    embed: bool = False
    metadata: bool = False
    wait: bool = False
    cancel_on_interrupt: bool = False


class Collections(Protocol):
    """Named sets of documents."""

    def create(self, name: str, description: str) -> Row:
        """A new, empty one. Raises ConflictError when the name is taken."""

    def all(self) -> list[Row]:
        """All of them, by name."""

    def show(self, name: str) -> Row:
        """One of them."""

    def change(self, name: str, changes: Mapping[str, Any]) -> Row:
        """Change `description`, `language` or `entity_types`; None takes one of the last two away."""

    def delete(self, name: str) -> Row:
        """Delete one with all that it holds; returns what it was."""


class Documents(Protocol):
    """The files of collections."""

    def add(self, collection: str, paths: Sequence[str]) -> Iterator[Row]:
        """Add files, folders and globs; gives for each file `path`, `document`, `already_there` and `problem`."""

    def all(self, collection: str) -> list[Row]:
        """The documents of a collection, by name."""

    def show(self, name: str, collection: str | None) -> Row:
        """One document, by id or file name."""

    def text(self, name: str, collection: str | None, page: int | None) -> Iterator[str]:
        """A document's text in pieces, or that of one page."""

    def edit(self, name: str, collection: str | None, changes: Mapping[str, Any]) -> Row:
        """Set what a person knows about a document, by field of its metadata; None takes a value away."""

    def process(self, order: ProcessingOrder, watcher: Watcher) -> list[Row]:
        """Make vectors and metadata. Returns the tasks as they have ended, or, where they are not waited for, what the
        service says of those that it has taken on: these have a `task_id`."""

    def ask(self, collection: str, question: str) -> Row:
        """An answer with citations from the nearest passages; no index is needed."""

    def delete(self, name: str, collection: str | None) -> Row:
        """Delete one document; returns what it was."""


class Graph(Protocol):
    """The indexes of collections."""

    def index(self, request: "IndexRequest", watcher: Watcher, options: WaitOptions = NO_WAIT) -> Row:
        """Bring an index up to date. Returns the status of the run, or, where it is not waited for, what the service
        says of the task that it has taken on: that has a `task_id`."""

    def resume(self, collection: str, watcher: Watcher, options: WaitOptions = NO_WAIT) -> Row:
        """Go on with the paused run of a collection; returns what `index` returns."""

    def retry(self, collection: str, watcher: Watcher, options: WaitOptions = NO_WAIT) -> Row:
        """Ask for the gaps of a collection's newest run, and publish a new version; returns what `index` returns.
        Raises NothingToRetry when there are none."""

    def status(self, collection: str) -> Row:
        """How the newest run went."""

    def ask(self, collection: str, query_request: "QueryRequest", listener: "AnswerListener | None" = None) -> Row:
        """An answer with citations; `listener` is told it while it is written, if the request asks for that."""

    def entities(self, collection: str, limit: int, after: int | None, matching: str | None) -> list[Row]:
        """Entities in order."""

    def relationships(self, collection: str, limit: int, after: int | None, matching: str | None) -> list[Row]:
        """Relationships in order."""

    def communities(self, collection: str, limit: int, after: int | None, level: int | None) -> list[Row]:
        """Communities in order."""

    def reports(self, collection: str, limit: int, after: int | None, level: int | None) -> list[Row]:
        """Community reports in order."""

    def community(self, collection: str, number: int) -> Row:
        """A community with its members and its report."""

    def context(self, collection: str, number: int) -> Row:
        """What a community's report was written from."""

    def take_over(self, collection: str, directory: Path, *, vectors: bool) -> Row:
        """Import a folder of this machine: `collection`, `version`, `counts`, `put_right`."""

    def export(self, collection: str, directory: Path) -> dict[str, int]:
        """Write the index into a folder of this machine; returns the rows of each file."""

    def delete(self, collection: str) -> int:
        """Delete all versions; returns how many there were."""


class Prompts(Protocol):
    """What a model is asked, for each collection."""

    def all(self, collection: str) -> list[Row]:
        """Those in effect: `name`, `origin`, `sha256`, `characters`, `text`."""

    def set(self, collection: str, texts: Mapping[str, str]) -> list[str]:
        """Let a collection have these, by name; returns the names."""

    def reset(self, collection: str, names: Sequence[str]) -> list[str]:
        """Take these away, or all of them; returns the names of those that it had."""

    def tune(self, collection: str, *, keep: bool) -> Row:
        """Fit prompts to a collection: `domain`, `language`, `entity_types`, `prompts` (texts by name). Without `keep`
        nothing is changed."""


class Tasks(Protocol):
    """Work that was handed to workers."""

    def all(self, limit: int, collection: str | None) -> list[Row]:
        """The newest ones."""

    def show(self, task: str) -> Row:
        """One task with its stages."""

    def cancel(self, task: str) -> Row:
        """Ask a task to end."""

    def pause(self, task: str) -> Row:
        """Ask a task to rest."""

    def resume(self, task: str) -> Row:
        """Let workers go on with a paused task."""

    def retry(self, task: str) -> Row:
        """Let workers do what a task has left undone; says what the service says of the new one. Raises NothingToRetry
        when there is nothing."""

    def follow(self, task: str, watcher: Watcher) -> Row:
        """Wait for the end of a task; returns the task as it is then."""


def rows(
    installation: "Installation",
    operation: "Operation[PagedT, Page[Item]]",
    request: "PagedT",
    limit: int | None = None,
) -> "list[Item]":
    """The first `limit` rows of a list, or (None) all of them, page by page."""
    found: list[Item] = []
    cursor = None
    while limit is None or len(found) < limit:
        size = LARGEST_PAGE if limit is None else min(LARGEST_PAGE, limit - len(found))
        part = installation.do(operation, request.model_copy(update={"limit": size, "cursor": cursor}))
        found += part.items
        cursor = part.next_cursor
        if cursor is None:
            break
    return found


def raise_where_it_rests(task: Row) -> None:
    """Raise BudgetReached where a task has paused itself, so that nobody waits for it in vain."""
    if task["state"] == "paused" and task.get("error"):
        raise BudgetReached(task["error"])


def run_of(status: Mapping[str, Any]) -> str:
    """The id of the run that a status is about.

    Raises:
      NotFoundError: there has been none.
    """
    if status["run_id"] is None:
        name = status["collection"]
        raise NotFoundError(
            f"collection {name!r} has no run: `fileintel graphrag index {shlex.quote(name)}` starts one"
        )
    return str(status["run_id"])


class Installation(Protocol):
    """Collections, documents, indexes and tasks: somewhere."""

    def do(self, operation: "Operation[Asked, Found]", request: "Asked") -> "Found":
        """Do an operation here, or let the service do it; the result and the errors are the same."""

    @property
    def collections(self) -> Collections:
        """Named sets of documents."""

    @property
    def documents(self) -> Documents:
        """The files of collections."""

    @property
    def graph(self) -> Graph:
        """The indexes of collections."""

    @property
    def prompts(self) -> Prompts:
        """What a model is asked."""

    @property
    def tasks(self) -> Tasks:
        """Work that was handed to workers."""

    def check(self) -> list[dict[str, str]]:
        """The state of each part: `part`, `state` (`ok` or `failed`), `detail`."""

    def __enter__(self) -> "Installation":
        """Nothing is opened before it is needed."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close what was opened."""
