"""Numbers about the installation that are in the database, for monitoring."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fileintel import storage

if TYPE_CHECKING:
    from fileintel.storage.answers import StoreSize
    from fileintel.workspace import Workspace


@dataclass(frozen=True)
class Numbers:
    """`runs` by kind and state, as they are in the table now; the size of the answer store; and how often, and for how
    many milliseconds at most, the hubs of the workers stood still while they worked on these runs."""

    runs: dict[tuple[str, str], int]
    store: "StoreSize"
    hub_stalls: int
    longest_stall_ms: int


def numbers(workspace: "Workspace") -> Numbers:
    """Count.

    Raises:
      DatabaseUnavailable: PostgreSQL does not answer.
    """
    with workspace.database.transaction() as session:
        stalls = storage.run_counts.hub_stalls(session)
        size = storage.answers.size(session)
        return Numbers(storage.run_counts.runs(session), size, stalls.count, stalls.longest_ms)
