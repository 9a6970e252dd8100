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
    from fileintel.services.processing import Processing, ProcessingOrder
    from fileintel.services.runs import RunWithStages, TakenOn
    from fileintel.services.status import Status

    Built = Status | TakenOn

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
    """A run at work. The pressure is known only where the work is done."""

    stages: Sequence[StageProgress]
    llm: Mapping[str, int]
    pressure: Pressure | None = None

    @classmethod
    def of(cls, stages: Sequence[Mapping[str, Any]], llm: Mapping[str, int]) -> "Progress":
        """From the counts of a run, as JSON has them."""
        return cls([StageProgress(**stage) for stage in stages], llm)


class Watcher(Protocol):
    """Hears how a run goes on."""

    def began(self, run_id: str) -> None:
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


class Documents(Protocol):
    """The files of collections."""

    def add(self, collection: str, paths: Sequence[str]) -> Iterator[Row]:
        """Add files, folders and globs; gives for each file `path`, `document`, `already_there` and `problem`."""

    def text(self, name: str, collection: str | None, page: int | None) -> Iterator[str]:
        """A document's text in pieces, or that of one page."""

    def process(
        self, order: "ProcessingOrder", watcher: Watcher, options: WaitOptions = NO_WAIT
    ) -> "Sequence[RunWithStages | Processing]":
        """Make vectors and metadata. Returns the runs as they have ended, or, where they are not waited for, those that
        the service has taken on."""

    def ask(self, collection: str, question: str) -> Row:
        """An answer with citations from the nearest passages; no index is needed."""


class Graph(Protocol):
    """The indexes of collections."""

    def index(self, request: "IndexRequest", watcher: Watcher, options: WaitOptions = NO_WAIT) -> "Built":
        """Bring an index up to date. Returns the status of the run, or, where it is not waited for, the run that the
        service has taken on."""

    def resume(self, collection: str, watcher: Watcher, options: WaitOptions = NO_WAIT) -> "Built":
        """Go on with the paused run of a collection; returns what `index` returns."""

    def retry(self, collection: str, watcher: Watcher, options: WaitOptions = NO_WAIT) -> "Built":
        """Ask for the gaps of a collection's newest run, and publish a new version; returns what `index` returns.
        Raises NothingToRetry when there are none."""

    def ask(self, collection: str, query_request: "QueryRequest", listener: "AnswerListener | None" = None) -> Row:
        """An answer with citations; `listener` is told it while it is written, if the request asks for that."""

    def take_over(self, collection: str, directory: Path, *, vectors: bool) -> Row:
        """Import a folder of this machine: `collection`, `version`, `counts`, `put_right`."""

    def export(self, collection: str, directory: Path) -> dict[str, int]:
        """Write the index into a folder of this machine; returns the rows of each file."""


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


def raise_where_it_rests(state: str, error: str | None) -> None:
    """Raise BudgetReached where a run has paused itself, so that it is not waited for in vain."""
    if state == "paused" and error:
        raise BudgetReached(error)


def run_of(status: "Status") -> str:
    """The id of the run that a status is about.

    Raises:
      NotFoundError: there has been none.
    """
    if status.run_id is None:
        name = status.collection
        raise NotFoundError(
            f"collection {name!r} has no run: `fileintel graphrag index {shlex.quote(name)}` starts one"
        )
    return status.run_id


class Installation(Protocol):
    """Operations, and what cannot be one: uploads, downloads, answers that come in pieces, runs that are followed."""

    def do(self, operation: "Operation[Asked, Found]", request: "Asked") -> "Found":
        """Do an operation here, or let the service do it; the result and the errors are the same."""

    @property
    def documents(self) -> Documents:
        """The files of collections."""

    @property
    def graph(self) -> Graph:
        """The indexes of collections."""

    def follow(self, run_id: str, watcher: Watcher) -> "RunWithStages":
        """Wait for the end of a run; returns the run as it is then."""

    def __enter__(self) -> "Installation":
        """Nothing is opened before it is needed."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close what was opened."""
