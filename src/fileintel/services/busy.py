"""Whether somebody is at work on a collection, so that it is not taken away under their hands."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from fileintel.graphrag.lease import is_gone
from fileintel.storage import runs
from fileintel.storage.models import Collection


def refuse_while_busy(session: Session, collection: Collection) -> None:
    """Whether the collection, or its index, may be deleted.

    Raises:
      ActiveRunError: an index run holds a lease that is in time, and its owner is not known to be dead.
    """
    from fileintel.services.tasks import ActiveRunError  # it brings the model's client, for which lists need not wait

    run = runs.active(session, collection.id)
    if run is None or run.lease_expires_at is None or is_gone(run.owner):
        return
    if run.lease_expires_at > session.execute(select(func.now())).scalar_one():
        raise ActiveRunError(run.id, collection.name)
