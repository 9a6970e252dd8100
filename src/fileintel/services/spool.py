"""The spool: where files lie that came in over HTTP and are not read yet, or are about to go out."""

import shutil
import time
from pathlib import Path

from fileintel.config import Settings

STALE_SECONDS = 7 * 24 * 3600  # no upload takes that long, and no run waits that long


def spool_of(settings: Settings) -> Path:
    """Where it is."""
    return Path(settings.home) / "spool"


def clear_stale(spool: Path) -> int:
    """Delete what crashes have left behind long ago; returns how many folders that were."""
    cleared = 0
    for folder in spool.iterdir() if spool.is_dir() else ():
        if time.time() - folder.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
            cleared += 1
    return cleared
