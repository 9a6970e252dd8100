"""Where the embedded PostgreSQL puts its socket: a private folder with a short enough name."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from fileintel.errors import DatabaseUnavailable

PORT = 5432  # no TCP port, only a part of the socket's name
SOCKET_NAME = f".s.PGSQL.{PORT}"
SOCKET_PATH_LIMIT = 107  # bytes in sockaddr_un.sun_path, without the final zero
SEPARATORS = ",:"  # in a list of hosts, for libpq and SQLAlchemy; neither knows a way to quote them
PRIVATE = 0o700  # the folder is the only lock: a user who can enter it is let in as the owner of the database


def choose_socket_folder(home: Path) -> Path:
    """`<home>/run`, or a folder named after `home` in the temporary folder when that cannot name a socket.

    Raises: DatabaseUnavailable when no place is short enough.
    """
    name = f"fileintel-{os.geteuid()}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"
    for folder in (home / "run", Path(tempfile.gettempdir()).resolve() / name, Path("/tmp") / name):
        text = str(folder)
        if len(os.fsencode(folder / SOCKET_NAME)) <= SOCKET_PATH_LIMIT and not any(sign in text for sign in SEPARATORS):
            return folder
    raise DatabaseUnavailable(f"no folder for the socket of {home} has a short enough name: set TMPDIR to a short one")


def make_socket_folder(folder: Path, owners: set[int]) -> None:
    """Create the folder for us alone, and do not accept one that another user has put there.

    Parameters:
      owners: who may own it, if it is there already.

    Raises: DatabaseUnavailable when the folder is not private; OSError when it cannot be made.
    """
    folder.mkdir(mode=PRIVATE, exist_ok=True)
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid not in owners:
        raise DatabaseUnavailable(f"{folder} is in the way, it must be a folder of our own: remove it")
    if stat.S_IMODE(state.st_mode) != PRIVATE:
        folder.chmod(PRIVATE)
