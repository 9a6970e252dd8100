"""Whether somebody is at work on a collection, so that it is not taken away under their hands."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from fileintel.graphrag.lease import is_gone
from fileintel.storage import runs
from fileintel.storage.models import Collection


def refuse_while_busy(session: Session, collection: Collection) -> None:
    """Whether the collection, or its index, may be deleted.

    Raises:
      ActiveRunError: a run that works on the whole of it (index, vectors, metadata) holds a lease that is in time,
        and its owner is not known to be dead.
    """
    from fileintel.services.tasks import ActiveRunError  # it brings the model's client, for which lists need not wait

    now = session.execute(select(func.now())).scalar_one()
    for run in runs.all_active(session, collection.id):
        if run.lease_expires_at is not None and run.lease_expires_at > now and not is_gone(run.owner):
            raise ActiveRunError(run.id, collection.name)
