"""What happened to runs, in order."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from fileintel.storage.fixed_sql import Statement
from fileintel.storage.models import RunEvent, utc_now

_NOTE = Statement(
    "INSERT INTO run_events (run_id, number, kind, data, created_at) "
    "SELECT CAST(:run AS uuid), coalesce(max(number), 0) + 1, :kind, CAST(:data AS jsonb), :now "
    "FROM run_events WHERE run_id = CAST(:run AS uuid)"
)
_FORGET_EVENTS = text(
    "DELETE FROM run_events USING runs WHERE run_events.run_id = runs.id AND run_events.kind = ANY(:kinds) "
    "AND runs.finished_at < now() - make_interval(secs => :age)"
)


def note(session: Session, run_id: str, kind: str, data: dict[str, Any]) -> None:
    """Add an event to a run's list. The run's row must be locked or new, so that numbers do not collide."""
    session.flush()  # a new run has to be there, and what is noted has to have happened
    values = {"run": run_id, "kind": kind, "data": json.dumps(data), "now": utc_now()}
    _NOTE.execute(session, values)


def events(session: Session, run_id: str, after: int = 0) -> list[RunEvent]:
    """The events of a run behind number `after`, in order."""
    statement = select(RunEvent).where(RunEvent.run_id == run_id, RunEvent.number > after)
    return list(session.execute(statement.order_by(RunEvent.number)).scalars())


def forget_events(session: Session, kinds: Sequence[str], age: float) -> int:
    """Delete the events of these kinds of runs that have been over for `age` seconds; returns how many they were."""
    forgotten = session.execute(_FORGET_EVENTS, {"kinds": list(kinds), "age": age})
    return int(forgotten.rowcount)  # type: ignore[attr-defined]


def warnings(session: Session, run_id: str) -> list[dict[str, Any]]:
    """What a run warns of, in order: `stage` and `message` of each."""
    statement = select(RunEvent.data).where(RunEvent.run_id == run_id, RunEvent.kind == "warning")
    return list(session.execute(statement.order_by(RunEvent.number)).scalars())
