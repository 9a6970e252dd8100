"""Looks whether a run is at work on a collection, which must not be deleted then."""

from sqlalchemy.orm import Session

from fileintel.errors import ConflictError
from fileintel.runs.lease import is_gone
from fileintel.storage import runs
from fileintel.storage.models import Collection
from fileintel.storage.states import RunKind

INDEXING = frozenset({RunKind.INDEX.value})
# a question only reads: it notices when its index is gone
WRITING = frozenset(kind.value for kind in RunKind) - {RunKind.QUESTION.value}


class ActiveRunError(ConflictError):
    """Another run is at work on the same collection."""

    code = "run_active"

    def __init__(self, run_id: str, collection: str) -> None:
        super().__init__(
            f"run {run_id} is at work on {collection!r}: wait for it (`fileintel tasks wait {run_id}`), or cancel it"
        )
        self.run_id = run_id


def refuse_while_busy(session: Session, collection: Collection, kinds: frozenset[str] = WRITING) -> None:
    """Look whether the collection, or its index, may be deleted.

    Raises:
      ActiveRunError: a run of these kinds holds a lease that is in time, and its owner is not known to be dead.
    """
    for run in runs.held(session, collection.id, kinds):
        if not is_gone(run.owner):
            raise ActiveRunError(run.id, collection.name)
