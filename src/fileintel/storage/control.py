"""A person's requests to a run: to pause, to go on, to end.

A request is a change of the run's state; the worker at work on the run sees it within about a second, because it reads
the state each time that it writes its progress. A run that is paused at work keeps its owner and its lease until
the worker has kept the answers under way and let go.

`owner_is_gone` says that the caller knows the run's owner to be dead, so that no worker will see a request.
"""

from sqlalchemy.orm import Session

from fileintel.errors import ConflictError
from fileintel.storage import runs
from fileintel.storage.models import Run
from fileintel.storage.states import ACTIVE_STATES, RunKind, RunState

ASKED = "asked for"
# what is at work on these looks at the state now and then; a question is one call, and its caller waits for it
_PAUSED_AT_WORK = frozenset(
    {RunKind.INDEX.value, RunKind.DOCUMENTS.value, RunKind.EMBEDDING.value, RunKind.METADATA.value}
)


def cancel(session: Session, run_id: str, *, owner_is_gone: bool = False) -> RunState:
    """Ask a run to end; one without a worker ends at once. Returns the state it is in then.

    Raises:
      ConflictError: it is over.
    """
    run = runs.locked(session, run_id)
    state = RunState(run.state)
    _refuse_if_over(run_id, state)
    if owner_is_gone or not runs.is_held(session, run):
        runs.end_cancelled(session, run, ASKED)
    elif state is not RunState.CANCELLING:
        runs.move(session, run, RunState.CANCELLING, ASKED)
    return RunState(run.state)


def pause(session: Session, run_id: str, *, owner_is_gone: bool = False) -> RunState:
    """Ask a run to rest; no worker takes it up until it is resumed. Returns the state it is in then.

    Raises:
      ConflictError: it is over, or about to be; or it is at work on something that cannot be left in the middle.
    """
    run = runs.locked(session, run_id)
    state = RunState(run.state)
    _refuse_if_over(run_id, state)
    if state is RunState.CANCELLING:
        raise ConflictError(f"task {run_id} is being cancelled")
    held = runs.is_held(session, run) and not owner_is_gone
    if state is not RunState.PAUSED:
        if held and (run.kind not in _PAUSED_AT_WORK or run.method == runs.IMPORT):
            what = runs.IMPORT if run.method == runs.IMPORT else run.kind
            raise ConflictError(f"task {run_id} is a run of the kind {what!r}: at work it cannot be paused; cancel it")
        runs.move(session, run, RunState.PAUSED, ASKED)
    if not held:
        _shut_out(run)
    return RunState.PAUSED


def resume(session: Session, run_id: str, *, owner_is_gone: bool = False) -> RunState:
    """Let a paused run go on. Returns the state it is in then: queued, or running where its worker has not let go of
    it yet; a worker that is about to do so queues it.

    Raises:
      ConflictError: it is not paused.
    """
    run = runs.locked(session, run_id)
    state = RunState(run.state)
    _refuse_if_over(run_id, state)
    if state is not RunState.PAUSED:
        raise ConflictError(f"task {run_id} is not paused: it is {state.value}")
    run.error = None  # why it had paused itself
    if runs.is_held(session, run) and not owner_is_gone:
        runs.move(session, run, RunState.RUNNING, ASKED)
    else:
        _shut_out(run)
        runs.move(session, run, RunState.QUEUED, ASKED)
    return RunState(run.state)


def _shut_out(run: Run) -> None:
    """A worker that was only slow must not write any more, nor hold the run against others."""
    run.token += 1
    run.owner = run.lease_expires_at = None


def _refuse_if_over(run_id: str, state: RunState) -> None:
    if state not in ACTIVE_STATES:
        raise ConflictError(f"task {run_id} is over already: {state.value}")
