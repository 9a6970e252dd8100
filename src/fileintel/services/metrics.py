"""Numbers about the installation that are in the database, for monitoring."""

from dataclasses import dataclass

from sqlalchemy import Integer, func, select

from fileintel.storage import answers
from fileintel.storage.answers import StoreSize
from fileintel.storage.models import Run
from fileintel.workspace import Workspace


@dataclass(frozen=True)
class Numbers:
    """`runs` by kind and state, as they are in the table now; the size of the answer store; and how often, and for how
    many milliseconds at most, the hubs of the workers stood still while they worked on these runs."""

    runs: dict[tuple[str, str], int]
    store: StoreSize
    hub_stalls: int
    longest_stall_ms: int


def numbers(workspace: Workspace) -> Numbers:
    """Count.

    Raises:
      DatabaseUnavailable: PostgreSQL does not answer.
    """
    counted = select(Run.kind, Run.state, func.count()).group_by(Run.kind, Run.state)
    of_runs = [Run.llm[name].astext.cast(Integer) for name in ("hub_stalls", "longest_stall_ms")]
    stood_still = select(func.coalesce(func.sum(of_runs[0]), 0), func.coalesce(func.max(of_runs[1]), 0))
    with workspace.database.transaction() as session:
        found = {(str(row[0]), str(row[1])): int(row[2]) for row in session.execute(counted)}
        stalls, longest = session.execute(stood_still).one()
        return Numbers(found, answers.size(session), int(stalls), int(longest))
