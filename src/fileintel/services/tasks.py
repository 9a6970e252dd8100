"""Tasks: runs that are handed to workers. A task's row is written first, its message only says where to look."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.orm import Session

from fileintel.errors import (
    ConflictError,
    EmptyCollectionError,
    FileIntelError,
    NotFoundError,
    ServiceUnavailable,
    UsageError,
)
from fileintel.graphrag.lease import is_gone
from fileintel.graphrag.query.inquiry import Inquiry
from fileintel.services import questions
from fileintel.services.index_request import IndexRequest, RunIsPaused
from fileintel.services.workspace import Workspace
from fileintel.storage import collections, documents, runs, versions
from fileintel.storage.models import Collection, Run
from fileintel.storage.states import ACTIVE_STATES, RunKind, RunState

BROKER_SECONDS = 2.0  # for a broker to say that it is there; on loopback and in a cluster it takes milliseconds
WORKER_SECONDS = 1.0  # for workers to say that they are there; all of them are waited for
ONCE_MORE = {"max_retries": 1, "interval_start": 0}  # a broker that was restarted is met with a broken connection


class Dispatcher(Protocol):
    """Sends a run's message to a worker."""

    def send(self, run: Run) -> None:
        """Say "look at this run".

        Raises:
          ServiceUnavailable: the broker does not answer.
        """


class CeleryDispatcher:
    """Sends messages through Celery. Messages carry ids only."""

    TASKS = {  # noqa: RUF012
        RunKind.INDEX: "fileintel.tasks.graphrag.build_graphrag_index_task",
        RunKind.QUESTION: "fileintel.tasks.graphrag.query_graphrag_task",
        RunKind.DOCUMENTS: "fileintel.tasks.documents.process_documents_task",
        RunKind.EMBEDDING: "fileintel.tasks.embedding.embed_documents_task",
        RunKind.METADATA: "fileintel.tasks.metadata.extract_metadata_task",
        RunKind.PASSAGE_QUESTION: "fileintel.tasks.questions.answer_question_task",
    }

    def __init__(self, app: Any) -> None:
        self._app = app

    def send(self, run: Run) -> None:
        ids = {"collection_id": run.collection_id, "run_id": run.id}
        self.send_task(self.TASKS[RunKind(run.kind)], kwargs=ids, task_id=run.id)

    def send_task(self, name: str, **options: Any) -> None:
        """Send a task that is no run; `options` are those of Celery's `send_task`.

        Raises:
          ServiceUnavailable: the broker does not answer.
        """
        from kombu.exceptions import OperationalError

        try:
            self._app.send_task(name, retry=True, retry_policy=ONCE_MORE, **options)
        except (OperationalError, OSError) as error:
            raise ServiceUnavailable(f"the message broker does not answer: {error}") from error

    def check(self) -> None:
        """Raise ServiceUnavailable unless the broker answers."""
        from kombu.exceptions import OperationalError

        try:
            with self._app.connection_for_write() as connection:
                connection.ensure_connection(max_retries=0, timeout=BROKER_SECONDS)
                connection.default_channel.close()
        except (OperationalError, OSError) as error:
            raise ServiceUnavailable(f"the message broker does not answer: {error}") from error

    def served_queues(self) -> dict[str, list[str]]:
        """The queues of each worker that answers within WORKER_SECONDS.

        Raises:
          ServiceUnavailable: the broker does not answer.
        """
        from kombu.exceptions import OperationalError

        self.check()  # the question itself would be repeated for six seconds where nobody listens
        try:
            answers = self._app.control.inspect(timeout=WORKER_SECONDS).active_queues() or {}
        except (OperationalError, OSError) as error:
            raise ServiceUnavailable(f"the message broker does not answer: {error}") from error
        return {name: [queue["name"] for queue in queues] for name, queues in answers.items()}


@dataclass(frozen=True)
class Submitted:
    """A run that was asked for; `is_new` is False when the same request had made it before."""

    run_id: str
    is_new: bool


def submit_index(
    workspace: Workspace,
    dispatcher: Dispatcher | None,
    collection_name: str,
    *,
    force: bool = False,
    fresh: bool = False,
    method: str | None = None,
    fresh_from: str | None = None,
    idempotency_key: str | None = None,
) -> Submitted:
    """Queue the building of an index; see `IndexRequest` for what can be asked for.

    Raises:
      UsageError: there is no such stage.
      NotFoundError, EmptyCollectionError: there is nothing to index.
      ActiveRunError: a run is at work on the collection; carries its id.
      KeyReused: another request had this idempotency key.
      ServiceUnavailable: the broker does not answer; nothing was queued.
    """
    parameters = IndexRequest(collection_name, force, fresh, method, fresh_from).parameters

    def create(session: Session) -> Submitted | Run:
        collection = collections.find(session, collection_name)
        wanted = Run(kind=RunKind.INDEX.value, collection_id=collection.id, parameters=parameters)
        if (made := earlier(session, idempotency_key, wanted)) is not None:
            return made
        refuse_while_active(session, collection)
        if not documents.in_collection(session, collection.id):
            raise EmptyCollectionError(f"collection {collection.name!r} is empty: add documents first")
        return runs.create(
            session,
            collection.id,
            RunKind.INDEX,
            fresh=fresh,
            parameters=parameters,
            idempotency_key=idempotency_key,
        )

    return sent(workspace, dispatcher, created(workspace, create))


def submit_documents(
    workspace: Workspace,
    dispatcher: Dispatcher | None,
    collection_name: str,
    folder: Path,
    *,
    idempotency_key: str | None = None,
) -> Submitted:
    """Queue the reading of uploaded files. `folder` holds them, and is deleted when they are read.

    Raises:
      NotFoundError, KeyReused, ServiceUnavailable: as `submit_index`.
    """

    def create(session: Session) -> Submitted | Run:
        collection = collections.find(session, collection_name)
        wanted = Run(kind=RunKind.DOCUMENTS.value, collection_id=collection.id)
        if (made := earlier(session, idempotency_key, wanted)) is not None:
            return made
        return runs.create(
            session,
            collection.id,
            RunKind.DOCUMENTS,
            parameters={"folder": str(folder)},
            idempotency_key=idempotency_key,
        )

    return sent(workspace, dispatcher, created(workspace, create))


def submit_question(
    workspace: Workspace, dispatcher: Dispatcher | None, collection_name: str, inquiry: Inquiry
) -> Submitted:
    """Queue a question to an index.

    Raises:
      UsageError, UnknownMode: the question is empty, or asks for what there is not.
      NotFoundError, NoIndexError, ServiceUnavailable: as `submit_index`.
    """
    inquiry.check()
    with workspace.database.transaction() as session:
        collection = collections.find(session, collection_name)
        versions.current(session, collection)
        run = runs.create(session, collection.id, RunKind.QUESTION, parameters=inquiry.parameters())
    return sent(workspace, dispatcher, run)


def submit_passage_question(
    workspace: Workspace, dispatcher: Dispatcher | None, collection_name: str, question: str
) -> Submitted:
    """Queue a question to the passages of a collection.

    Raises:
      UsageError: the question is empty.
      NotFoundError, EmptyCollectionError, NoVectorsError: there is nothing to ask.
      ServiceUnavailable: as `submit_index`.
    """
    Inquiry(question).check()
    with workspace.database.transaction() as session:
        collection = collections.find(session, collection_name)
        questions.expect_vectors(session, collection)
        run = runs.create(session, collection.id, RunKind.PASSAGE_QUESTION, parameters={"question": question})
    return sent(workspace, dispatcher, run)


class KeyReused(UsageError):
    """An idempotency key stands for one request, and this is another one."""

    code = "idempotency_key_reused"


class ActiveRunError(ConflictError):
    """Another run is at work on the same collection."""

    code = "run_active"

    def __init__(self, run_id: str, collection: str) -> None:
        super().__init__(
            f"run {run_id} is at work on {collection!r}: wait for it (`fileintel tasks wait {run_id}`), or cancel it"
        )
        self.run_id = run_id


def refuse_while_active(session: Session, collection: Collection) -> None:
    """Whether an index run may begin.

    Raises:
      RunIsPaused, ActiveRunError: there is another one on the collection.
    """
    active = runs.active(session, collection.id)
    if active is None:
        return
    if active.state == RunState.PAUSED.value:
        raise RunIsPaused(active.id, collection.name)
    raise ActiveRunError(active.id, collection.name)


def show(workspace: Workspace, run_id: str) -> dict[str, Any]:
    """One task with its stages and its gaps.

    Raises:
      NotFoundError: there is none.
    """
    with workspace.database.transaction() as session:
        run = runs.find(session, run_id)
        return {
            **describe(run),
            "stages": [vars(stage) for stage in runs.stages(session, run.id)],
            "gaps": [vars(gap) for gap in runs.gaps(session, run.id)],
        }


def list_tasks(
    workspace: Workspace, *, limit: int = 50, after: str | None = None, collection_name: str | None = None
) -> list[dict[str, Any]]:
    """Tasks, the newest first; `after` is the id of the last one of the page before."""
    with workspace.database.transaction() as session:
        collection_id = collections.find(session, collection_name).id if collection_name else None
        before = runs.find(session, after) if after else None
        found = runs.listed(session, before=before, limit=limit, collection_id=collection_id)
        return [describe(run) for run in found]


def drop_upload(workspace: Workspace, run: Run) -> None:
    """Delete the uploaded files of a run that is over; one that goes on elsewhere still needs them."""
    if run.kind != RunKind.DOCUMENTS.value or "folder" not in run.parameters:
        return
    with suppress(FileIntelError):
        try:
            over = is_over(show(workspace, run.id))
        except NotFoundError:  # deleted with its collection
            over = True
        if over:
            shutil.rmtree(str(run.parameters["folder"]), ignore_errors=True)


def events_after(workspace: Workspace, run_id: str, number: int = 0) -> list[dict[str, Any]]:
    """The events of a task behind `number`, in order.

    Raises:
      NotFoundError: there is no such task.
    """
    with workspace.database.transaction() as session:
        runs.find(session, run_id)
        return [
            {"number": e.number, "kind": e.kind, "data": e.data, "created_at": e.created_at.isoformat()}
            for e in runs.events(session, run_id, number)
        ]


@dataclass(frozen=True)
class News:
    """A task as it stands, and what happened to it since a reader last heard."""

    task: dict[str, Any]
    events: list[dict[str, Any]]


def news(workspace: Workspace, run_id: str, after: int = 0) -> News:
    """A task with its stages, and its events behind number `after`. Once the task is over, these are all.

    Raises:
      NotFoundError: there is no such task.
    """
    task = show(workspace, run_id)  # before the events: an end that is seen here has its event there
    return News(task, events_after(workspace, run_id, after))


@dataclass(frozen=True)
class Telling:
    """What came of a question since a reader last heard: events as (number, kind, data), and the task once it is
    over."""

    events: list[tuple[int, str, dict[str, Any]]]
    task: dict[str, Any] | None


def told(workspace: Workspace, run_id: str, after: int = 0) -> Telling:
    """The events of a question behind number `after`. Two short reads: it is asked often.

    Raises:
      NotFoundError: there is no such task.
    """
    with workspace.database.transaction() as session:
        task = describe(runs.find(session, run_id))
    # events after the task, in a transaction of its own: an end that is seen has all its events there
    with workspace.database.transaction() as session:
        events = [(e.number, e.kind, e.data) for e in runs.events(session, run_id, after)]
    return Telling(events, task if is_over(task) else None)


def progress_of(task: dict[str, Any]) -> dict[str, Any]:
    """How far a task as shown has come: what followers are told while it is at work."""
    return {name: task[name] for name in ("state", "stages", "llm")}


def is_over(task: dict[str, Any]) -> bool:
    """Whether a task as shown has come to its end."""
    return RunState(task["state"]) not in ACTIVE_STATES


def send_unattended(workspace: Workspace, dispatcher: Dispatcher) -> list[str]:
    """Send the messages of runs without a worker again; returns their ids. Many may do this at once.

    Raises:
      ServiceUnavailable: the broker does not answer; what was not sent is sent later.
    """
    with workspace.database.transaction() as session:
        waiting = [run for run in runs.take_unattended(session, is_gone) if RunKind(run.kind) in CeleryDispatcher.TASKS]
    for run in waiting:
        dispatcher.send(run)
    return [run.id for run in waiting]


def send_again(workspace: Workspace, dispatcher: Dispatcher, run_id: str) -> None:
    """Send the message of a run that its worker has handed back, unless a person wants it to rest.

    Raises:
      ServiceUnavailable: the broker does not answer; another worker sends it later.
    """
    with workspace.database.transaction() as session:
        run = runs.find(session, run_id)
        wanted = run.state == RunState.QUEUED.value
        if wanted:
            runs.note_message(session, [run.id])
    if wanted:
        dispatcher.send(run)


def describe(run: Run) -> dict[str, Any]:
    """A run as the API and the command line show it."""
    return {
        "id": run.id,
        "kind": run.kind,
        "collection_id": run.collection_id,
        "state": run.state,
        "result": run.result,
        "error": run.error,
        "attempts": run.attempts,
        "owner": run.owner,
        "llm": run.llm,
        "created_at": run.created_at.isoformat(),
        "started_at": run.started_at.isoformat() if run.started_at else None,
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
    }


def earlier(session: Session, idempotency_key: str | None, wanted: Run) -> Submitted | None:
    """The run that an earlier request with the same key has made.

    Raises:
      KeyReused: that request was another one.
    """
    run = runs.with_key(session, idempotency_key) if idempotency_key else None
    if run is None:
        return None
    same = (run.kind, run.collection_id) == (wanted.kind, wanted.collection_id)
    if not same or (wanted.parameters is not None and wanted.parameters != run.parameters):
        raise KeyReused(f"the idempotency key has made task {run.id}, which is another request: take a new key")
    return Submitted(run.id, is_new=False)


def created(workspace: Workspace, create: Callable[[Session], Submitted | Run]) -> Submitted | Run:
    """What `create` returns. In a conflict it is asked again, and then sees the whole of a request that came in
    between: one with the same key is no conflict."""
    try:
        with workspace.database.transaction() as session:
            return create(session)
    except ConflictError:
        with workspace.database.transaction() as session:
            return create(session)


def sent(workspace: Workspace, dispatcher: Dispatcher | None, run: Submitted | Run) -> Submitted:
    """Send a new run's message; a run whose message cannot be sent is taken back."""
    if isinstance(run, Submitted):
        return run
    if dispatcher is None:
        return Submitted(run.id, is_new=True)
    try:
        dispatcher.send(run)
    except ServiceUnavailable:
        with workspace.database.transaction() as session:
            runs.remove(session, run.id)
        raise
    return Submitted(run.id, is_new=True)
