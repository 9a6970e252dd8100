"""Tasks: runs that are handed to workers. A task's row is written first, its message only says where to look."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.orm import Session

from fileintel.errors import (
    ConflictError,
    EmptyCollectionError,
    FileIntelError,
    ServiceUnavailable,
    UsageError,
)
from fileintel.graphrag.lease import LeaseKeeper, is_gone, this_process
from fileintel.services import questions
from fileintel.services.documents import add_documents
from fileintel.services.workspace import Workspace
from fileintel.storage import collections, documents, runs, versions
from fileintel.storage.models import Run
from fileintel.storage.runs import GapRecord, Lease, StageCounts
from fileintel.storage.states import ACTIVE_STATES, RunKind, RunState

GRACE_SECONDS = 20.0  # a message needs some time to find its worker; sending it again earlier would be noise


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
    }

    def __init__(self, app: Any) -> None:
        self._app = app

    def send(self, run: Run) -> None:
        from kombu.exceptions import OperationalError

        try:
            self._app.send_task(
                self.TASKS[RunKind(run.kind)],
                kwargs={"collection_id": run.collection_id, "run_id": run.id},
                task_id=run.id,
                retry=False,
            )
        except (OperationalError, OSError) as error:
            raise ServiceUnavailable(f"the message broker does not answer: {error}") from error


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
    idempotency_key: str | None = None,
) -> Submitted:
    """Queue the building of an index.

    Raises:
      NotFoundError, EmptyCollectionError: there is nothing to index.
      ActiveRunError: a run is at work on the collection; carries its id.
      ServiceUnavailable: the broker does not answer; nothing was queued.
    """
    with workspace.database.transaction() as session:
        if (earlier := _earlier(session, idempotency_key)) is not None:
            return earlier
        collection = collections.find(session, collection_name)
        if (running := runs.active(session, collection.id)) is not None:
            raise ActiveRunError(running.id, collection.name)
        if not documents.in_collection(session, collection.id):
            raise EmptyCollectionError(f"collection {collection.name!r} is empty: add documents first")
        run = runs.create(
            session,
            collection.id,
            RunKind.INDEX,
            fresh=fresh,
            parameters={"force": force, "fresh": fresh},
            idempotency_key=idempotency_key,
        )
    return _sent(workspace, dispatcher, run)


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
      NotFoundError, ServiceUnavailable: as `submit_index`.
    """
    with workspace.database.transaction() as session:
        if (earlier := _earlier(session, idempotency_key)) is not None:
            return earlier
        collection = collections.find(session, collection_name)
        run = runs.create(
            session,
            collection.id,
            RunKind.DOCUMENTS,
            parameters={"folder": str(folder)},
            idempotency_key=idempotency_key,
        )
    return _sent(workspace, dispatcher, run)


def submit_question(
    workspace: Workspace, dispatcher: Dispatcher | None, collection_name: str, question: str, mode: str
) -> Submitted:
    """Queue a question to an index.

    Raises:
      UsageError: the question is empty.
      NotFoundError, NoIndexError, ServiceUnavailable: as `submit_index`.
    """
    if not question.strip():
        raise UsageError("the question is empty: ask one")
    with workspace.database.transaction() as session:
        collection = collections.find(session, collection_name)
        versions.current(session, collection)
        run = runs.create(session, collection.id, RunKind.QUESTION, parameters={"question": question, "mode": mode})
    return _sent(workspace, dispatcher, run)


class ActiveRunError(ConflictError):
    """Another run is at work on the same collection."""

    code = "run_active"

    def __init__(self, run_id: str, collection: str) -> None:
        super().__init__(f"run {run_id} is at work on {collection!r}: wait for it, or cancel it")
        self.run_id = run_id


def show(workspace: Workspace, run_id: str) -> dict[str, Any]:
    """One task with its stages.

    Raises:
      NotFoundError: there is none.
    """
    with workspace.database.transaction() as session:
        run = runs.find(session, run_id)
        return {**describe(run), "stages": [vars(stage) for stage in runs.stages(session, run.id)]}


def list_tasks(
    workspace: Workspace, *, limit: int = 50, after: str | None = None, collection_name: str | None = None
) -> list[dict[str, Any]]:
    """Tasks, the newest first; `after` is the id of the last one of the page before."""
    with workspace.database.transaction() as session:
        collection_id = collections.find(session, collection_name).id if collection_name else None
        before = runs.find(session, after) if after else None
        found = runs.listed(session, before=before, limit=limit, collection_id=collection_id)
        return [describe(run) for run in found]


def cancel(workspace: Workspace, run_id: str) -> dict[str, Any]:
    """Ask a task to end; its answers are kept. Takes effect within seconds.

    Raises:
      NotFoundError: there is none.
      ConflictError: it is over.
    """
    with workspace.database.transaction() as session:
        run = runs.find(session, run_id)
        runs.cancel(session, run.id)
        return describe(run)


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


def is_over(task: dict[str, Any]) -> bool:
    """Whether a task as shown has come to its end."""
    return RunState(task["state"]) not in ACTIVE_STATES


def send_unattended(workspace: Workspace, dispatcher: Dispatcher) -> list[str]:
    """Send the messages of runs without a worker again; returns their ids."""
    with workspace.database.transaction() as session:
        waiting = runs.unattended(session, GRACE_SECONDS)
        known = [run for run in waiting if RunKind(run.kind) in CeleryDispatcher.TASKS]
    for run in known:
        dispatcher.send(run)
    return [run.id for run in known]


def send_again(workspace: Workspace, dispatcher: Dispatcher, run_id: str) -> None:
    """Send the message of a run that its worker has handed back."""
    with workspace.database.transaction() as session:
        run = runs.find(session, run_id)
    dispatcher.send(run)


def answer(workspace: Workspace, run_id: str) -> dict[str, Any]:
    """Answer a queued question, and keep the reply as its result.

    Raises:
      FileIntelError: it could not be answered; the run is failed with the reason.
    """
    with workspace.database.transaction() as session:
        run = runs.find(session, run_id)
        lease = runs.acquire(session, run_id, this_process(), owner_is_gone=is_gone(run.owner))
    if lease is None:
        return run.result or {}
    with _ending(workspace, lease):
        reply = questions.ask(
            workspace, run.collection_id, str(run.parameters["question"]), str(run.parameters["mode"])
        )
        with workspace.database.transaction() as session:
            runs.renew(session, lease, result=reply)
    return reply


def read_documents(workspace: Workspace, run_id: str) -> None:
    """Read the uploaded files of a queued run into its collection. Files that cannot be read are gaps."""
    with workspace.database.transaction() as session:
        run = runs.find(session, run_id)
        lease = runs.acquire(session, run_id, this_process(), owner_is_gone=is_gone(run.owner))
    if lease is None:
        return
    folder = Path(str(run.parameters["folder"]))
    with LeaseKeeper(workspace.database, lease), _ending(workspace, lease):
        added = list(add_documents(workspace, run.collection_id, [str(folder)]))
        gaps = [GapRecord("read", Path(one.path).name, "unreadable", 1, one.problem) for one in added if one.problem]
        read = StageCounts("read", len(added), len(added), sum(one.already_there for one in added), len(gaps), 0.0)
        with workspace.database.transaction() as session:
            runs.renew(session, lease, result={"documents": [one.document for one in added if one.document]})
            runs.save_stages(session, run_id, [read])
            runs.save_gaps(session, run_id, gaps)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _ending(workspace: Workspace, lease: Lease) -> Iterator[None]:
    """End a run in the state that fits how the block ends."""
    try:
        yield
    except FileIntelError as error:
        _finish(workspace, lease, RunState.FAILED, str(error))
        raise
    except Exception as error:
        _finish(workspace, lease, RunState.FAILED, f"unexpected {type(error).__name__}: {error}")
        raise
    with workspace.database.transaction() as session:
        gaps = runs.gaps(session, lease.run_id)
    _finish(workspace, lease, RunState.SUCCEEDED_WITH_GAPS if gaps else RunState.SUCCEEDED)


def _finish(workspace: Workspace, lease: Lease, state: RunState, error: str | None = None) -> None:
    with workspace.database.transaction() as session:
        if runs.requested_state(session, lease.run_id) is RunState.CANCELLING:
            state = RunState.CANCELLED
        runs.finish(session, lease, state, error)


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


def _earlier(session: Session, idempotency_key: str | None) -> Submitted | None:
    earlier = runs.with_key(session, idempotency_key) if idempotency_key else None
    return Submitted(earlier.id, is_new=False) if earlier else None


def _sent(workspace: Workspace, dispatcher: Dispatcher | None, run: Run) -> Submitted:
    """Send a new run's message; a run whose message cannot be sent is taken back."""
    if dispatcher is None:
        return Submitted(run.id, is_new=True)
    try:
        dispatcher.send(run)
    except ServiceUnavailable:
        with workspace.database.transaction() as session:
            runs.remove(session, run.id)
        raise
    return Submitted(run.id, is_new=True)
