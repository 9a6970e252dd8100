"""How far runs are, stage by stage, and what they could not do."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Integer, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from fileintel.storage.bulk_insert import insert_rows
from fileintel.storage.fixed_sql import Statement
from fileintel.storage.models import Gap, Run, RunStage, utc_now


@dataclass(frozen=True)
class StageCounts:
    """How far a stage is, in items: `cached` of `done` came from the answer store."""

    name: str
    total: int
    done: int
    cached: int
    failed: int
    seconds: float


@dataclass(frozen=True)
class GapRecord:
    """An item that failed for good."""

    stage: str
    item: str
    reason: str
    attempts: int
    last_error: str


@dataclass(frozen=True)
class HubStalls:
    """How often the hubs of the workers stood still in all runs, and for how many milliseconds at most."""

    count: int
    longest_ms: int


_CLEAR_GAPS = Statement("DELETE FROM gaps WHERE run_id = CAST(:run AS uuid)")
_GAP_COUNT = Statement("SELECT count(*) FROM gaps WHERE run_id = CAST(:run AS uuid)")


def save_stages(session: Session, run_id: str, stages: Iterable[StageCounts]) -> None:
    """Write how far the stages are."""
    rows = [{"run_id": run_id, "position": position, **vars(stage)} for position, stage in enumerate(stages)]
    if not rows:
        return
    statement = insert(RunStage).values(rows)
    columns = ("position", "total", "done", "cached", "failed", "seconds")
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["run_id", "name"], set_={name: statement.excluded[name] for name in columns}
        )
    )


def stages(session: Session, run_id: str) -> list[StageCounts]:
    """The stages of a run, in order."""
    rows = session.execute(select(RunStage).where(RunStage.run_id == run_id).order_by(RunStage.position)).scalars()
    return [StageCounts(r.name, r.total, r.done, r.cached, r.failed, r.seconds) for r in rows]


def save_gaps(session: Session, run_id: str, gaps: Iterable[GapRecord]) -> None:
    """Record what failed for good; an item that failed before keeps its newest reason."""
    now = utc_now().isoformat()
    newest = {(gap.stage, gap.item): gap for gap in gaps}  # one statement must not touch a row twice
    rows = ({"run_id": run_id, "created_at": now, **vars(gap)} for gap in newest.values())
    insert_rows(
        session,
        Gap,
        rows,
        on_conflict="(run_id, stage, item) DO UPDATE SET reason = EXCLUDED.reason, attempts = EXCLUDED.attempts, "
        "last_error = EXCLUDED.last_error",
    )


def clear_gaps(session: Session, run_id: str) -> None:
    """Forget the gaps of an earlier attempt of the same run: it tries them again."""
    _CLEAR_GAPS.execute(session, {"run": run_id})


def gap_count(session: Session, run_id: str) -> int:
    """How many items failed for good in a run."""
    return int(_GAP_COUNT.execute(session, {"run": run_id}).scalar_one())


def gaps(session: Session, run_id: str) -> list[GapRecord]:
    """What failed for good in a run, by stage and item."""
    rows = session.execute(select(Gap).where(Gap.run_id == run_id).order_by(Gap.stage, Gap.item)).scalars()
    return [GapRecord(r.stage, r.item, r.reason, r.attempts, r.last_error) for r in rows]


def runs(session: Session) -> dict[tuple[str, str], int]:
    """How many runs there are, by kind and state."""
    counted = select(Run.kind, Run.state, func.count()).group_by(Run.kind, Run.state)
    return {(kind, state): int(count) for kind, state, count in session.execute(counted)}


def hub_stalls(session: Session) -> HubStalls:
    """How the hubs of the workers fared in all runs that are kept."""
    number, longest = (Run.llm[name].astext.cast(Integer) for name in ("hub_stalls", "longest_stall_ms"))
    row = session.execute(select(func.coalesce(func.sum(number), 0), func.coalesce(func.max(longest), 0))).one()
    return HubStalls(*map(int, row))
