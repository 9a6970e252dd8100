"""A folder of files that appears whole or not at all."""

import ctypes
import errno
import os
import secrets
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fileintel.errors import ExportError

STAGING_PREFIX = ".fileintel-export-"

_WORKING_DIRECTORY = -100  # AT_FDCWD of fcntl.h: paths are taken as they are
_EXCHANGE = 2  # RENAME_EXCHANGE of linux/fs.h

_ADVICE = {
    errno.ENOSPC: "free some space, or name a folder on another disk",
    errno.EDQUOT: "free some space, or name a folder on another disk",
    errno.EFBIG: "raise the limit on the size of files, or name a folder on another disk",
    errno.EACCES: "name a folder that you may write to",
    errno.EPERM: "name a folder that you may write to",
    errno.EROFS: "name a folder that you may write to",
}


@contextmanager
def replaced(directory: Path, ours: Collection[str]) -> Iterator[Path]:
    """A new, empty folder that takes the place of `directory` when the block ends; it is removed when the block fails.

    `directory` and its parents need not exist. If it does, it may hold files of these names only, and all of them are
    replaced: in one step, except where the folder itself cannot be moved (a mount point, the folder that the process
    is in, a parent without write permission), there one file after the other.

    Raises:
      ExportError: `directory` is a file, holds anything else, or cannot be written.
    """
    with export_errors(directory):
        place = directory.resolve()
        _check(place, ours)
        place.parent.mkdir(parents=True, exist_ok=True)
        inside = _cannot_move(place)
        staging = (place if inside else place.parent) / f"{STAGING_PREFIX}{secrets.token_hex(4)}"
        staging.mkdir()
    try:
        yield staging
        with export_errors(directory):
            _check(place, ours)
            if inside:
                _move_files(staging, place, ours)
            else:
                _move_folder(staging, place)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def export_errors(directory: Path) -> Iterator[None]:
    """Turns an OSError of the block into an ExportError about `directory`."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        advice = _ADVICE.get(error.errno or 0, "name another folder")
        raise ExportError(f"cannot export to {directory}: {reason}; {advice}") from error


def _check(place: Path, ours: Collection[str]) -> None:
    if not place.exists():
        return
    if not place.is_dir():
        raise ExportError(f"cannot export to {place}: it is a file; name a folder")
    for entry in sorted(place.iterdir()):
        expected = entry.name in ours and entry.is_file()
        if not expected and not entry.name.startswith(STAGING_PREFIX):
            raise ExportError(
                f"cannot export to {place}: {entry.name!r} is there, which no export has written; "
                f"name a new or an empty folder"
            )


def _cannot_move(place: Path) -> bool:
    if not place.exists():
        return False
    return place.is_mount() or place == Path.cwd() or not os.access(place.parent, os.W_OK | os.X_OK)


def _move_files(staging: Path, place: Path, ours: Collection[str]) -> None:
    new = {path.name for path in staging.iterdir()}
    for name in sorted(new):
        (staging / name).replace(place / name)
    for name in sorted(set(ours) - new):
        (place / name).unlink(missing_ok=True)


def _move_folder(staging: Path, place: Path) -> None:
    """Put `staging` in the place; what was there is then at `staging`, or gone."""
    if not place.exists():
        staging.rename(place)
        return
    shutil.copymode(place, staging)
    if _exchange(staging, place):
        return
    previous = staging.with_name(f"{staging.name}-old")
    place.rename(previous)
    try:
        staging.rename(place)
    except OSError:
        with suppress(OSError):
            previous.rename(place)
        raise
    shutil.rmtree(previous, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step: renameat2 of Linux 3.15 and glibc 2.28. False where that is not to be had."""
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)
    if renameat2 is None:
        return False
    paths = os.fsencode(one), os.fsencode(other)
    return bool(renameat2(_WORKING_DIRECTORY, paths[0], _WORKING_DIRECTORY, paths[1], _EXCHANGE) == 0)
