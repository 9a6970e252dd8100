"""Numbers about the installation that are in the database, for monitoring."""

from dataclasses import dataclass

from sqlalchemy import func, select

from fileintel.services.workspace import Workspace
from fileintel.storage import answers
from fileintel.storage.answers import StoreSize
from fileintel.storage.models import Run


@dataclass(frozen=True)
class Numbers:
    """`runs` by kind and state, as they are in the table now; and the size of the answer store."""

    runs: dict[tuple[str, str], int]
    store: StoreSize


def numbers(workspace: Workspace) -> Numbers:
    """Count.

    Raises:
      DatabaseUnavailable: PostgreSQL does not answer.
    """
    counted = select(Run.kind, Run.state, func.count()).group_by(Run.kind, Run.state)
    with workspace.database.transaction() as session:
        found = {(str(row[0]), str(row[1])): int(row[2]) for row in session.execute(counted)}
        return Numbers(found, answers.size(session))
