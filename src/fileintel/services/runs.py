"""Runs: how they stand, what happened to them, and what a person does with one: cancel, pause, resume, retry.

Their operations were once called tasks. The former names and paths keep working.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from fileintel import storage
from fileintel.errors import NotFoundError, ServiceUnavailable
from fileintel.operations import GET, POST, Context, Page, PageRequest, Request, Result, Right, operation
from fileintel.operations.paging import BadCursor, page, place_of
from fileintel.operations.types import Moment
from fileintel.storable import Text

if TYPE_CHECKING:
    from fileintel.runs.dispatch import Dispatcher
    from fileintel.runs.submission import Submitted
    from fileintel.workspace import Workspace

TASKS = "/api/v2/tasks"  # where runs are found over HTTP, as callers know it


class Stage(Result):
    """How far a stage of a run is, in items; `cached` of `done` came from the answer store."""

    name: str = Field(examples=["extract"])
    total: int
    done: int
    cached: int
    failed: int
    seconds: float


class Gap(Result):
    """What is missing from an index or another result, and why."""

    stage: str
    item: str
    reason: str
    attempts: int
    last_error: str


class Run(Result):
    """A piece of work: an index run, the reading of uploaded files, vectors, metadata, or a question."""

    id: str = Field(examples=["0b9c8f0e-6c1c-4a3e-9a53-0f7b6f9f2f11"])
    kind: str = Field(examples=["index"])
    collection_id: str
    state: str = Field(examples=["running"])
    result: dict[str, Any] | None
    error: str | None
    attempts: int
    owner: str | None
    llm: dict[str, Any]
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None

    @property
    def is_over(self) -> bool:
        """Whether it has come to its end."""
        from fileintel.storage.states import ACTIVE_STATES, RunState

        return RunState(self.state) not in ACTIVE_STATES


class RunWithStages(Run):
    """A run, how far its stages are, and what is missing from its result."""

    stages: list[Stage]
    gaps: list[Gap]

    def progress(self) -> dict[str, Any]:
        """How far it has come, as JSON: what followers are told while it is at work."""
        return self.model_dump(mode="json", include={"state", "stages", "llm", "error"})


class RunEvent(Result):
    """Something that happened to a run; `number` counts its events."""

    number: int
    kind: str
    data: dict[str, Any]
    created_at: Moment


class TakenOn(Result):
    """Work that was taken on. `is_new` is false when an earlier request with the same key had started it."""

    task_id: str = Field(examples=["0b9c8f0e-6c1c-4a3e-9a53-0f7b6f9f2f11"])
    run_id: str = Field(description="The same; a task is a run.")
    is_new: bool


class Accepted(TakenOn):
    """Work that was taken on. `is_new` is false when an earlier request with the same key had started it."""

    status_url: str = Field(examples=["/api/v2/tasks/0b9c8f0e-6c1c-4a3e-9a53-0f7b6f9f2f11"])
    events_url: str = Field(examples=["/api/v2/tasks/0b9c8f0e-6c1c-4a3e-9a53-0f7b6f9f2f11/events"])

    @property
    def location(self) -> str:
        """Where HTTP has it."""
        return self.status_url


class Runs(PageRequest):
    """Which runs."""

    collection: Text | None = Field(default=None, max_length=1000, description="Only those of this collection.")


class OfRun(Request):
    """Which run."""

    run: Annotated[
        str, Field(max_length=100, description="Id of a run.", examples=["0b9c8f0e-6c1c-4a3e-9a53-0f7b6f9f2f11"])
    ]


@operation(GET, "/runs", right=Right.READER, errors=(404,), formerly=("list_tasks", "/tasks"))
def list_runs(context: Context, request: Runs) -> Page[Run]:
    """Runs, the newest first."""
    place = place_of(request.cursor, str)
    with context.workspace.database.transaction() as session:
        try:
            before = storage.runs.find(session, place[0]) if place else None
        except NotFoundError as error:
            raise BadCursor("the last task of the page before is gone: start from the first page") from error
        collection_id = storage.collections.find(session, request.collection).id if request.collection else None
        found = storage.runs.listed(session, before=before, limit=request.limit + 1, collection_id=collection_id)
    return page(found, request.limit, lambda one: [one.id], Run.of)


@operation(GET, "/runs/{run}", right=Right.READER, errors=(404,), formerly=("show_task", "/tasks/{run}"))
def show_run(context: Context, request: OfRun) -> RunWithStages:
    """One run with its stages."""
    return described(context.workspace, request.run)


@operation(
    POST, "/runs/{run}/cancel", right=Right.WRITER, errors=(404, 409), formerly=("cancel_task", "/tasks/{run}/cancel")
)
def cancel_run(context: Context, request: OfRun) -> Run:
    """Ask a run to end; its answers are kept. One that is at work ends within seconds.

    Raises:
      ConflictError: it is over.
    """
    from fileintel.runs.lease import is_gone
    from fileintel.runs.spool import drop_upload

    with context.workspace.database.transaction() as session:
        run = storage.runs.find(session, request.run)
        storage.control.cancel(session, run.id, owner_is_gone=is_gone(run.owner))
    drop_upload(context.workspace, run)
    return Run.of(run)


@operation(
    POST, "/runs/{run}/pause", right=Right.WRITER, errors=(404, 409), formerly=("pause_task", "/tasks/{run}/pause")
)
def pause_run(context: Context, request: OfRun) -> Run:
    """Let a run rest until it is resumed. One that is at work keeps what is under way; then it has no `owner`.

    Raises:
      ConflictError: it is over, or it is one that cannot be left in the middle.
    """
    from fileintel.runs.lease import is_gone

    with context.workspace.database.transaction() as session:
        run = storage.runs.find(session, request.run)
        storage.control.pause(session, run.id, owner_is_gone=is_gone(run.owner))
    return Run.of(run)


@operation(
    POST, "/runs/{run}/resume", right=Right.WRITER, errors=(404, 409), formerly=("resume_task", "/tasks/{run}/resume")
)
def resume_run(context: Context, request: OfRun) -> Run:
    """Let a paused run go on.

    Raises:
      ConflictError: it is not paused.
    """
    from fileintel.runs.lease import is_gone
    from fileintel.storage.states import RunState

    dispatcher: Dispatcher | None = context.dispatcher
    with context.workspace.database.transaction() as session:
        run = storage.runs.find(session, request.run)
        state = storage.control.resume(session, run.id, owner_is_gone=is_gone(run.owner))
    if dispatcher is not None and state is RunState.QUEUED:
        with suppress(ServiceUnavailable):  # the workers look for queued runs themselves, once the broker is back
            dispatcher.send(run)
    return Run.of(run)


@operation(
    POST,
    "/runs/{run}/retry",
    right=Right.WRITER,
    status=202,
    errors=(404, 409),
    formerly=("retry_task", "/tasks/{run}/retry"),
)
def retry_run(context: Context, request: OfRun) -> Accepted:
    """Start a new run for what this one has left undone: the gaps of an index run, a question that failed.

    Raises:
      NothingToRetry: nothing is missing.
      ActiveRunError, RunIsPaused: the run, or another one on its collection, is not over.
      ConflictError: it is of a kind that cannot be done again.
      ServiceUnavailable: the broker does not answer; nothing was queued.
    """
    from fileintel.runs.retry import retry

    return accepted(retry(context.workspace, context.dispatcher, request.run))


def accepted(submitted: "Submitted") -> Accepted:
    """A run that was taken on, and where to look at it."""
    where = f"{TASKS}/{submitted.run_id}"
    return Accepted(
        task_id=submitted.run_id,
        run_id=submitted.run_id,
        is_new=submitted.is_new,
        status_url=where,
        events_url=f"{where}/events",
    )


def described(workspace: "Workspace", run_id: str) -> RunWithStages:
    """One run with its stages and its gaps.

    Raises:
      NotFoundError: there is none.
    """
    with workspace.database.transaction() as session:
        run = storage.runs.find(session, run_id)
        return RunWithStages.of(
            run,
            stages=[Stage.of(stage) for stage in storage.run_counts.stages(session, run.id)],
            gaps=[Gap.of(gap) for gap in storage.run_counts.gaps(session, run.id)],
        )


@dataclass(frozen=True)
class News:
    """A run as it stands, and what happened to it since a reader last heard."""

    run: RunWithStages
    events: list[RunEvent]


def news(workspace: "Workspace", run_id: str, after: int = 0) -> News:
    """A run with its stages, and its events behind number `after`. Once the run is over, these are all.

    Raises:
      NotFoundError: there is no such run.
    """
    run = described(workspace, run_id)  # before the events: an end that is seen here has its event there
    return News(run, events_after(workspace, run_id, after))


def events_after(workspace: "Workspace", run_id: str, number: int = 0) -> list[RunEvent]:
    """The events of a run behind `number`, in order.

    Raises:
      NotFoundError: there is no such run.
    """
    with workspace.database.transaction() as session:
        storage.runs.find(session, run_id)
        return [RunEvent.of(event) for event in storage.run_events.events(session, run_id, number)]


@dataclass(frozen=True)
class AnswerNews:
    """What came of a question since a reader last looked: events, and the run once it is over."""

    events: list[RunEvent]
    run: Run | None


def answer_news(workspace: "Workspace", run_id: str, after: int = 0) -> AnswerNews:
    """The events of a question behind number `after`. Two short reads: it is asked often.

    Raises:
      NotFoundError: there is no such run.
    """
    with workspace.database.transaction() as session:
        run = Run.of(storage.runs.find(session, run_id))
    # events after the run, in a transaction of its own: an end that is seen has all its events there
    with workspace.database.transaction() as session:
        events = [RunEvent.of(event) for event in storage.run_events.events(session, run_id, after)]
    return AnswerNews(events, run if run.is_over else None)
