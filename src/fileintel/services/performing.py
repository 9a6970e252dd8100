"""Performing tasks: what a worker does with a run whose message it got, and the state in which it ends."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from fileintel.documents.document import shown
from fileintel.errors import FileIntelError
from fileintel.graphrag.lease import LeaseKeeper, is_gone, this_process
from fileintel.services import questions, tasks
from fileintel.services.documents import Addition, add_documents
from fileintel.services.workspace import Workspace
from fileintel.storage import runs
from fileintel.storage.models import Run
from fileintel.storage.runs import GapRecord, Lease, StageCounts
from fileintel.storage.states import RunState

UPLOADED = "upload"  # the source of a document that came over HTTP: its file is deleted once it is read


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
    try:
        _read_folder(workspace, run, lease)
    finally:
        tasks.drop_upload(workspace, run)


def _read_folder(workspace: Workspace, run: Run, lease: Lease) -> None:
    folder = str(run.parameters["folder"])
    with LeaseKeeper(workspace.database, lease), _ending(workspace, lease):
        added = [_as_sent(one) for one in add_documents(workspace, run.collection_id, [folder], source=UPLOADED)]
        gaps = [GapRecord("read", one.path, "unreadable", 1, one.problem) for one in added if one.problem]
        read = StageCounts("read", len(added), len(added), sum(one.already_there for one in added), len(gaps), 0.0)
        with workspace.database.transaction() as session:
            runs.renew(session, lease, result=_what_became_of(added))
            runs.save_stages(session, run.id, [read])
            runs.save_gaps(session, run.id, gaps)


def _as_sent(one: Addition) -> Addition:
    """The same with the name that the caller gave: our folders are nobody's business."""
    name = Path(one.path).name
    problem = one.problem.replace(shown(one.path), shown(name), 1) if one.problem else None
    return replace(one, path=name, problem=problem)


def _what_became_of(added: Sequence[Addition]) -> dict[str, Any]:
    """The result of an upload: its documents, and what became of each file, in the order in which they were sent."""
    files = [
        {
            "name": one.path,
            "document_id": one.document["id"] if one.document else None,
            "already_there": one.already_there,
            "problem": one.problem,
        }
        for one in added
    ]
    return {"documents": [one.document for one in added if one.document], "files": files}


@contextmanager
def _ending(workspace: Workspace, lease: Lease) -> Iterator[None]:
    """End a run in the state that fits how the block ends."""
    try:
        yield
    except FileIntelError as error:
        _finish(workspace, lease, RunState.FAILED, str(error), {"code": error.code, "http_status": error.http_status})
        raise
    except Exception as error:
        _finish(workspace, lease, RunState.FAILED, f"unexpected {type(error).__name__}: {error}")
        raise
    with workspace.database.transaction() as session:
        gaps = runs.gaps(session, lease.run_id)
    _finish(workspace, lease, RunState.SUCCEEDED_WITH_GAPS if gaps else RunState.SUCCEEDED)


def _finish(
    workspace: Workspace,
    lease: Lease,
    state: RunState,
    error: str | None = None,
    result: dict[str, Any] | None = None,
) -> None:
    with workspace.database.transaction() as session:
        if runs.requested_state(session, lease.run_id) is RunState.CANCELLING:
            state = RunState.CANCELLED
        if result is not None:
            runs.renew(session, lease, result=result)
        runs.finish(session, lease, state, error)
