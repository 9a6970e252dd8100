"""The spool: where files lie that came in over HTTP and are not read yet, or are about to go out."""

import shutil
import time
from pathlib import Path

from fileintel.config import Settings
from fileintel.storage import runs
from fileintel.workspace import Workspace

STALE_SECONDS = 7 * 24 * 3600  # no upload takes that long; only a paused run waits that long


def spool_of(settings: Settings) -> Path:
    """Where it is."""
    return Path(settings.home) / "spool"


def clear_stale(workspace: Workspace) -> int:
    """Delete what crashes have left behind long ago; returns how many folders that were. What a paused run still
    waits for stays.

    Raises:
      DatabaseUnavailable: nobody can say what is still waited for; nothing was deleted.
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
