"""The spool: a folder for files that came in over HTTP and are not read yet, or are about to be sent."""

import shutil
import time
from contextlib import suppress
from pathlib import Path

from fileintel.config import Settings
from fileintel.errors import FileIntelError, NotFoundError
from fileintel.storage import runs
from fileintel.storage.models import Run
from fileintel.storage.states import ACTIVE_STATES, RunKind
from fileintel.workspace import Workspace

STALE_SECONDS = 7 * 24 * 3600  # no upload takes that long; only a paused run waits that long


def spool_of(settings: Settings) -> Path:
    """Return the folder of the spool."""
    return Path(settings.home) / "spool"


def clear_stale(workspace: Workspace) -> int:
    """Delete folders that crashes have left behind for a week; returns how many. Those that a paused run still needs
    stay.

    Raises:
      DatabaseUnavailable: it is not known which uploads runs still wait for; nothing was deleted.
    """
    spool = spool_of(workspace.settings)
    left = [
        folder
        for folder in (spool.iterdir() if spool.is_dir() else ())
        if time.time() - folder.stat().st_mtime > STALE_SECONDS
    ]
    if not left:
        return 0
    with workspace.database.transaction() as session:
        awaited = frozenset(runs.uploads(session))
    stale = [folder for folder in left if str(folder) not in awaited]
    for folder in stale:
        shutil.rmtree(folder, ignore_errors=True)
    return len(stale)


def drop_upload(workspace: Workspace, run: Run) -> None:
    """Delete the uploaded files of a run that is over; one that goes on elsewhere still needs them."""
    # the key "folder" of an import is the user's own
    folder = run.parameters.get("folder" if run.kind == RunKind.DOCUMENTS.value else runs.UPLOADED_INDEX)
    if folder is None:
        return
    with suppress(FileIntelError):
        try:
            with workspace.database.transaction() as session:
                over = runs.find(session, run.id).state not in ACTIVE_STATES
        except NotFoundError:  # deleted with its collection
            over = True
        if over:
            shutil.rmtree(str(folder), ignore_errors=True)
