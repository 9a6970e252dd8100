"""Doing again what a run has left undone."""

from sqlalchemy.orm import Session

from fileintel.errors import ConflictError, NothingToRetry
from fileintel.runs import submission
from fileintel.runs.dispatch import Dispatcher
from fileintel.runs.index_request import GapRequest, IndexRequest, freshness
from fileintel.runs.submission import Submitted
from fileintel.storage import collections, run_counts, runs, versions
from fileintel.storage.models import Run
from fileintel.storage.states import ACTIVE_STATES, RunKind, RunState
from fileintel.workspace import Workspace


def retry(workspace: Workspace, dispatcher: Dispatcher | None, run_id: str) -> Submitted:
    """Queue what a task has left undone. An index run asks for its gaps only, and publishes a new version; a question
    is asked again.

    Raises:
      NotFoundError: there is no such task.
      NothingToRetry: nothing is missing.
      ActiveRunError, RunIsPaused: the task, or another one on its collection, is not over.
      ConflictError: it is of a kind that cannot be done again.
      ServiceUnavailable: the broker does not answer; nothing was queued.
    """
    with workspace.database.transaction() as session:
        run = runs.find(session, run_id)
        if run.kind == RunKind.INDEX.value:
            request = _request_for_gaps(session, run)
            again = runs.create(
                session, run.collection_id, RunKind.INDEX, fresh=request.fresh, parameters=request.parameters
            )
        else:
            _refuse_to_repeat(run)
            parameters = {**run.parameters, "retry_of": run.id}
            again = runs.create(session, run.collection_id, RunKind(run.kind), parameters=parameters)
    return submission.sent(workspace, dispatcher, again)


def request_of(workspace: Workspace, run_id: str) -> IndexRequest:
    """The request that an index run was made for, for one that goes on with it in this process."""
    with workspace.database.transaction() as session:
        return IndexRequest.of(runs.find(session, run_id))


def request_for_gaps(workspace: Workspace, run_id: str) -> IndexRequest:
    """What has to be asked of an indexer to close the gaps of an index run, for one that works in this process.

    Raises:
      NotFoundError, NothingToRetry, ActiveRunError, RunIsPaused, ConflictError: there is nothing that could be done.
    """
    with workspace.database.transaction() as session:
        run = runs.find(session, run_id)
        if run.kind != RunKind.INDEX.value:
            raise ConflictError(f"task {run.id} is no index run")
        return _request_for_gaps(session, run)


def _request_for_gaps(session: Session, run: Run) -> IndexRequest:
    collection = collections.find(session, run.collection_id)
    submission.refuse_while_active(session, collection)
    if run.state == RunState.SUCCEEDED.value:
        raise NothingToRetry(f"nothing to retry: task {run.id} has no gaps")
    if run.method == runs.IMPORT:
        raise ConflictError(f"task {run.id} took over an index of graphrag: import its folder again")
    if run.state == RunState.SUCCEEDED_WITH_GAPS.value and (closed_by := _closed_by(session, run)) is not None:
        raise NothingToRetry(f"nothing to retry: index version {closed_by} has closed the gaps of task {run.id}")
    earlier = IndexRequest.of(run)
    stale = freshness(run)
    # what the run itself was answered is fresh enough for the one that closes its gaps
    return GapRequest.model_validate(
        {**earlier.model_dump(), "force": True, "fresh_since": stale.since if stale else None, "retry_of": run.id}
    )


def _closed_by(session: Session, run: Run) -> int | None:
    """The number of a later version without gaps."""
    found = versions.published(session, run.collection_id)
    own = next((version.number for version in found if version.run_id == run.id), 0)
    later = (version for version in found if version.number > own and not run_counts.gaps(session, version.run_id))
    return next((version.number for version in later), None)


def _refuse_to_repeat(run: Run) -> None:
    if RunState(run.state) in ACTIVE_STATES:
        raise ConflictError(f"task {run.id} is not over: it is {run.state}")
    if run.state == RunState.SUCCEEDED.value:
        raise NothingToRetry(f"nothing to retry: task {run.id} has done what it was to do")
    if run.kind == RunKind.DOCUMENTS.value:
        raise ConflictError(f"the files of task {run.id} are not kept: upload those that are missing again")
