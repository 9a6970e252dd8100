"""Runs: which worker is at work on which collection, and in which state the work is.

A run is held by a lease. Its `token` grows with each takeover, and every write of a run's work names the
token it holds: a worker that was only slow, and has been replaced, cannot write any more.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import uuid4

from sqlalchemy import Table, case, delete, func, or_, select, text, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from fileintel.errors import ConflictError, LeaseLost, NotFoundError
from fileintel.identity import as_id
from fileintel.storage import run_events
from fileintel.storage.fixed_sql import Statement
from fileintel.storage.models import Run, utc_now
from fileintel.storage.states import ACTIVE_STATES, RunKind, RunState, may_become

LEASE_SECONDS = 40  # a dead worker's run is free after this long; a live one renews it four times in it
RESEND_SECONDS = 30  # a message may have to wait for a worker, or be lost with its broker: then it is sent again
IMPORT = "import"  # the method of index runs that take over what graphrag has made
UPLOADED_INDEX = "upload"  # in the parameters of an import: the folder of an index that came over HTTP
UP_TO_DATE = "up_to_date"  # in the result of an index run that had nothing to do
_ACTIVE = [state.value for state in ACTIVE_STATES]
_STATE = Statement("SELECT state, token FROM runs WHERE id = CAST(:run AS uuid)")
_NOW = text("SELECT now()")
_TIME = "time of the transaction"  # in what a session remembers
_RUNS = cast(Table, Run.__table__)  # updates of a mapped class cost half a millisecond more
_AT_WORK = (RunState.RUNNING.value, RunState.THROTTLED.value)


@dataclass(frozen=True)
class Lease:
    """The right to write for a run, until another one holds a higher token."""

    run_id: str
    token: int


def create(session: Session, collection_id: str, kind: RunKind = RunKind.INDEX, **values: Any) -> Run:
    """A new queued run.

    Raises:
      ConflictError: the collection has an active run already, and the kind is one that there is one of at a time.
    """
    run = Run(id=str(uuid4()), collection_id=collection_id, kind=kind.value, state=RunState.QUEUED.value, **values)
    session.add(run)
    try:
        session.flush()
    except IntegrityError as error:
        raise ConflictError("another run is at work on this collection") from error
    run_events.note(session, run.id, "state", {"state": run.state, "reason": "submitted"})
    return run


def active(session: Session, collection_id: str) -> Run | None:
    """The index run that is queued or at work on a collection."""
    return session.execute(
        select(Run).where(Run.collection_id == collection_id, Run.kind == RunKind.INDEX.value, Run.state.in_(_ACTIVE))
    ).scalar_one_or_none()


def all_active(session: Session, collection_id: str) -> list[Run]:
    """The runs, queued or at work, of the kinds of which a collection has one at a time."""
    kinds = [RunKind.INDEX.value, RunKind.EMBEDDING.value, RunKind.METADATA.value]
    statement = select(Run).where(Run.collection_id == collection_id, Run.kind.in_(kinds), Run.state.in_(_ACTIVE))
    return list(session.execute(statement.order_by(Run.created_at)).scalars())


def active_of_kind(session: Session, collection_id: str, kind: RunKind) -> Run | None:
    """A run of a kind of which a collection has one at a time, while it is queued or at work. It does not end before
    the caller's transaction does."""
    statement = select(Run).where(Run.collection_id == collection_id, Run.kind == kind.value, Run.state.in_(_ACTIVE))
    return session.execute(statement.with_for_update()).scalars().first()


def latest(session: Session, collection_id: str) -> Run | None:
    """The newest index run of a collection that did or does something, in whatever state."""
    return session.execute(
        select(Run)
        .where(
            Run.collection_id == collection_id,
            Run.kind == RunKind.INDEX.value,
            or_(Run.result.is_(None), ~Run.result.has_key(UP_TO_DATE)),
        )
        .order_by(Run.created_at.desc())
        .limit(1)
    ).scalar_one_or_none()


def find(session: Session, run_id: str) -> Run:
    """A run by its id.

    Raises:
      NotFoundError: there is none.
    """
    identity = as_id(run_id)
    found = session.get(Run, identity) if identity else None
    if found is None:
        raise _unknown(run_id)
    return found


def _unknown(run_id: str) -> NotFoundError:
    return NotFoundError(f"there is no task {run_id!r}: `fileintel tasks list` shows those there are")


def listed(session: Session, *, before: Run | None, limit: int, collection_id: str | None = None) -> list[Run]:
    """Runs of all kinds, the newest first; `before` continues a list behind that run."""
    statement = select(Run).order_by(Run.created_at.desc(), Run.id.desc()).limit(limit)
    if collection_id is not None:
        statement = statement.where(Run.collection_id == collection_id)
    if before is not None:
        statement = statement.where(tuple_(Run.created_at, Run.id) < (before.created_at, before.id))
    return list(session.execute(statement).scalars())


def with_key(session: Session, idempotency_key: str) -> Run | None:
    """The run that an earlier request with this key made."""
    return session.execute(select(Run).where(Run.idempotency_key == idempotency_key)).scalar_one_or_none()


def take_unattended(session: Session, gone: Callable[[str | None], bool]) -> list[Run]:
    """Runs without a worker whose message is due: at once when a lease has run out, or its owner is `gone`;
    later on every RESEND_SECONDS. They count as sent: of several that look at the same time, one gets each."""
    waiting = (RunState.QUEUED.value, RunState.RUNNING.value, RunState.THROTTLED.value, RunState.CANCELLING.value)
    for run in session.execute(select(Run).where(Run.state.in_(waiting), Run.lease_expires_at > func.now())).scalars():
        if gone(run.owner):
            _end_lease(session, Lease(run.id, run.token))
    since_last = func.now() - func.coalesce(Run.message_sent_at, Run.created_at)
    never_since = Run.lease_expires_at.is_not(None) & (
        Run.message_sent_at.is_(None) | (Run.message_sent_at < Run.lease_expires_at)
    )
    statement = (
        select(Run)
        .where(Run.state.in_(waiting), Run.lease_expires_at.is_(None) | (Run.lease_expires_at <= func.now()))
        .where(never_since | (since_last >= timedelta(seconds=RESEND_SECONDS)))
        .order_by(Run.created_at)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    found = list(session.execute(statement).scalars())
    note_message(session, [run.id for run in found])
    return found


def note_message(session: Session, run_ids: Sequence[str]) -> None:
    """The messages of these runs are being sent."""
    session.execute(
        update(Run)
        .where(Run.id.in_(run_ids))
        .values(message_sent_at=func.now())
        .execution_options(synchronize_session=False)
    )


def _end_lease(session: Session, lease: Lease) -> None:
    session.execute(
        update(Run)
        .where(Run.id == lease.run_id, Run.token == lease.token, Run.lease_expires_at > func.now())
        .values(lease_expires_at=func.now())
        .execution_options(synchronize_session=False)
    )


def locked(session: Session, run_id: str) -> Run:
    """A run, locked: its row changes only in this transaction until that ends.

    Raises:
      NotFoundError: it is gone.
    """
    identity = as_id(run_id)
    run = _locked(session, identity) if identity else None
    if run is None:
        raise _unknown(run_id)
    return run


def _locked(session: Session, run_id: str) -> Run | None:
    """A run as it stands, read anew, also when the session has read it before: it may have had to wait for a
    transaction that changed it."""
    statement = select(Run, func.now()).where(Run.id == run_id).with_for_update()
    row = session.execute(statement, execution_options={"populate_existing": True}).one_or_none()
    if row is None:
        return None
    run, session.info[_TIME] = row
    return run


def held(session: Session, collection_id: str, kinds: Iterable[str]) -> list[Run]:
    """The runs of a collection, of these kinds, whose lease has not run out, the oldest first."""
    statement = select(Run).where(
        Run.collection_id == collection_id, Run.kind.in_(list(kinds)), Run.lease_expires_at > func.now()
    )
    return list(session.execute(statement.order_by(Run.created_at)).scalars())


def is_held(session: Session, run: Run) -> bool:
    """Whether a worker holds a lease of the run that has not run out."""
    return run.lease_expires_at is not None and run.lease_expires_at > _now(session)


def move(session: Session, run: Run, target: RunState, reason: str, **more: Any) -> None:
    """Change the state of a locked run, with an event that says why; `more` goes into the event.

    Raises:
      ConflictError: there is no way from its state to that one.
    """
    if not may_become(RunState(run.state), target):
        raise ConflictError(f"task {run.id} is {run.state} and cannot become {target.value}")
    run.state = target.value
    run_events.note(session, run.id, "state", {"state": run.state, "reason": reason, **more})


def end_cancelled(session: Session, run: Run, reason: str) -> None:
    """End a locked run that no worker is at work on."""
    move(session, run, RunState.CANCELLED, reason)
    run.finished_at = utc_now()
    run.token += 1  # a worker that held it before must not write any more
    run.owner = run.lease_expires_at = None


def acquire(session: Session, run_id: str, owner: str, *, owner_is_gone: bool = False) -> Lease | None:
    """Take the lease of a run, unless a worker that is alive holds it.

    `owner_is_gone` says that the caller knows the present owner to be dead, so that the rest of its lease
    need not be waited for. Returns None when the run is held, paused or over; one that was to be cancelled is over
    then.
    """
    run = _locked(session, run_id)
    return None if run is None else acquire_locked(session, run, owner, owner_is_gone=owner_is_gone)


def acquire_locked(session: Session, run: Run, owner: str, *, owner_is_gone: bool = False) -> Lease | None:
    """Take the lease of a locked run; None where `acquire` gives None."""
    if run.state not in _ACTIVE or run.state == RunState.PAUSED.value:
        return None
    if is_held(session, run) and not owner_is_gone:
        return None
    if run.state == RunState.CANCELLING.value:
        end_cancelled(session, run, "its worker died before it could end it")
        return None
    reason = f"taken over from {run.owner}, which is gone" if run.owner else "taken up"
    now = _now(session)
    run.token += 1
    run.attempts += 1
    run.owner = owner
    run.lease_expires_at = now + timedelta(seconds=LEASE_SECONDS)
    run.started_at = run.started_at or utc_now()
    run.error = None
    if run.state == RunState.RUNNING.value:  # the same state, and yet news
        run_events.note(session, run.id, "taken_over", {"reason": reason, "attempt": run.attempts})
    else:
        move(session, run, RunState.RUNNING, reason, attempt=run.attempts)
    return Lease(run.id, run.token)


def renew(session: Session, lease: Lease, **values: Any) -> None:
    """Extend the lease and write `values` into the run's row.

    Raises:
      LeaseLost: another worker holds the run now, or it is over.
    """
    _write(session, lease, lease_expires_at=text(f"now() + interval '{LEASE_SECONDS} seconds'"), **values)


def _write(session: Session, lease: Lease, **values: Any) -> None:
    if not _is_written(session, lease, _ACTIVE, values):
        raise LeaseLost(f"run {lease.run_id} was taken over by another worker")


def _is_written(session: Session, lease: Lease, states: Sequence[str], values: dict[str, Any]) -> bool:
    """Write into the row of a run that is in one of these states, if the lease is held."""
    held = (_RUNS.c.id == lease.run_id, _RUNS.c.token == lease.token, _RUNS.c.state.in_(states))
    changed = session.execute(update(_RUNS).where(*held).values(**values))
    return bool(changed.rowcount == 1)  # type: ignore[attr-defined]


def require(session: Session, lease: Lease) -> None:
    """Look whether the lease is still held, and lock nothing.

    Raises:
      LeaseLost: another worker holds the run now, or it is over.
    """
    held = select(Run.id).where(Run.id == lease.run_id, Run.token == lease.token, Run.state.in_(_ACTIVE))
    if session.execute(held).scalar_one_or_none() is None:
        raise LeaseLost(f"run {lease.run_id} was taken over by another worker")


def finish(session: Session, lease: Lease, state: RunState, error: str | None = None, **values: Any) -> None:
    """End a run in `state` and give up its lease; `values` go into its row. Saying it twice is harmless: the first
    answer may have got lost.

    Raises:
      LeaseLost: another worker holds the run now, or it is over.
    """
    session.flush()
    before = [one.value for one in RunState if may_become(one, state)]
    over = {"lease_expires_at": None, "owner": None, "finished_at": utc_now()}
    if not _is_written(session, lease, before, {"state": state.value, "error": error, **over, **values}):
        row = _STATE.execute(session, {"run": lease.run_id}).one_or_none()
        current, token = row or (None, None)
        if (current, token) == (state.value, lease.token) and state not in ACTIVE_STATES:
            return
        if current in before:
            raise LeaseLost(f"run {lease.run_id} was taken over by another worker")
        raise LeaseLost(f"run {lease.run_id} is {current or 'deleted'} and cannot become {state.value}")
    run_events.note(session, lease.run_id, "state", {"state": state.value, "reason": error or "done", "error": error})


def hand_back(session: Session, lease: Lease, reason: str = "its worker stops") -> RunState:
    """Leave a run unfinished; returns the state it is in then. It is queued, for anyone to go on with at once,
    unless a person has asked for something else meanwhile: paused it stays so, cancelled it ends.

    Raises:
      LeaseLost: another worker holds the run now, or it is over.
    """
    renew(session, lease)
    run = locked(session, lease.run_id)
    if run.state == RunState.CANCELLING.value:
        end_cancelled(session, run, "asked for")
        return RunState.CANCELLED
    if run.state in _AT_WORK:
        move(session, run, RunState.QUEUED, reason)
    else:
        run_events.note(session, run.id, "left", {"reason": reason})
    run.owner = run.lease_expires_at = run.message_sent_at = None
    return RunState(run.state)


def show_throttling(session: Session, lease: Lease, trouble: str | None) -> None:
    """Let the state of a run at work say whether its model server takes less than it is given: `trouble` says why,
    None that all is well. A run that a person wants to stop stays as it is.

    Raises:
      LeaseLost: another worker holds the run now, or it is over.
    """
    wanted, other = (RunState.THROTTLED, RunState.RUNNING) if trouble else (RunState.RUNNING, RunState.THROTTLED)
    run = locked(session, lease.run_id)
    if run.token != lease.token:
        raise LeaseLost(f"run {lease.run_id} was taken over by another worker")
    if run.state == other.value:
        move(session, run, wanted, trouble or "the model server takes as much as it is given again")


def requested_state(session: Session, run_id: str) -> RunState | None:
    """The state as it stands in the table: another process may have asked for a cancellation or a pause."""
    found = session.execute(select(Run.state).where(Run.id == run_id)).scalar_one_or_none()
    return RunState(found) if found else None


def _now(session: Session) -> datetime:
    # the database's clock: leases are compared by it, whatever the clocks of the workers say
    if _TIME not in session.info:  # it stands still within a transaction, which is all that a session lives for
        session.info[_TIME] = session.execute(_NOW).scalar_one()
    return cast(datetime, session.info[_TIME])


def forget(session: Session, collection_id: str, kinds: Iterable[RunKind]) -> None:
    """Delete the runs of a collection that are of these kinds, with their stages, gaps and events."""
    wanted = [kind.value for kind in kinds]
    session.execute(delete(Run).where(Run.collection_id == collection_id, Run.kind.in_(wanted)))


def uploads(session: Session, collection_id: str | None = None) -> list[str]:
    """The folders of uploaded files that runs of a collection were made for; without one, those of all collections
    that are still to be read."""
    # the key "folder" of an import is the user's own
    key = case((Run.kind == RunKind.DOCUMENTS.value, "folder"), else_=UPLOADED_INDEX)
    folder = Run.parameters[key].astext
    found = select(folder).where(Run.kind.in_([RunKind.DOCUMENTS.value, RunKind.INDEX.value]), folder.is_not(None))
    whose = Run.state.in_(_ACTIVE) if collection_id is None else Run.collection_id == collection_id
    return list(session.execute(found.where(whose)).scalars())


def remove(session: Session, run_id: str) -> None:
    """Delete one run."""
    session.execute(delete(Run).where(Run.id == run_id))
