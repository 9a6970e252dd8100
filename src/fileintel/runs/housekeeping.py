"""Housekeeping: what crashes and deletions have left behind."""

from fileintel.runs import dispatch
from fileintel.runs.answer_stream import RESTART, TEXT
from fileintel.runs.dispatch import Dispatcher
from fileintel.runs.spool import clear_stale
from fileintel.storage import run_events, vectors, versions
from fileintel.workspace import Workspace

PIECES_KEPT_SECONDS = 86_400.0  # somebody who listens may come back and hear them again; the whole answer stays


def clean_up(workspace: Workspace, dispatcher: Dispatcher) -> dict[str, int]:
    """Send the messages of runs without a worker again; delete uploads that nobody has read for a week, vectors
    whose passages are gone, versions that a dead worker has left half-written, and how answers came in pieces, a day
    after they were whole. Returns how much of each.

    Raises:
      ServiceUnavailable, DatabaseUnavailable: the broker or PostgreSQL does not answer.
    """
    sent = dispatch.send_unattended(workspace, dispatcher)
    uploads = clear_stale(workspace)
    with workspace.database.transaction() as session:
        abandoned = versions.abandoned(session)
        versions.drop_all(session, abandoned)
    with workspace.database.transaction() as session:
        sets = vectors.all_sets(session)
    orphans = 0
    for vector_set in sets:
        with workspace.database.transaction() as session:
            orphans += vectors.delete_orphans(session, vector_set)
    with workspace.database.transaction() as session:
        pieces = run_events.forget_events(session, (TEXT, RESTART), PIECES_KEPT_SECONDS)
    return {
        "runs_sent_again": len(sent),
        "uploads_deleted": uploads,
        "versions_deleted": len(abandoned),
        "vectors_deleted": orphans,
        "pieces_deleted": pieces,
    }
