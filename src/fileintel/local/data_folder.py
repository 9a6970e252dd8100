"""The data folder of the embedded PostgreSQL: made in one step, checked before every start."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from fileintel.errors import DatabaseUnavailable
from fileintel.local.server_identity import SYSTEM_USER, ServerIdentity

MAJOR_VERSION = "18"
ROLE = "fileintel"
UNFINISHED = "postgres.new-"  # prefix of a folder that initdb is still filling
INITDB_LIMIT = 300.0  # seconds; half a second on an idle disk
# The built-in C.UTF-8 locale sorts by code point on every machine, with any C library, and still knows that Ä is a
# letter. There are no connections over the network; the folder of the socket decides which users may connect.
INITDB_OPTIONS = (
    f"--username={ROLE}",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--auth-local=trust",
    "--auth-host=reject",
)


def prepare_data_folder(data: Path, programs: Path, identity: ServerIdentity) -> None:
    """Make sure that `data` holds a cluster of our version that `identity` owns. Needs the start lock.

    Parameters:
      data: the data folder; its parent exists.
      programs: the folder with initdb and postgres.

    Raises: DatabaseUnavailable when it belongs to another user, is of another version, or cannot be made;
      OSError when a folder cannot be read or written.
    """
    for leftover in data.parent.glob(f"{UNFINISHED}*"):  # of a start that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    if data.exists():
        _check_owner(data)
    if not data.exists() or not any(data.iterdir()):
        _create(data, programs, identity)
        return
    _check_version(data)
    (data / "log").mkdir(mode=0o700, exist_ok=True)
    if data.stat().st_uid != identity.uid:  # root has used another way before, and the folder follows
        give(data, identity)


def give(folder: Path, identity: ServerIdentity) -> None:
    """Make `identity` the owner of `folder` and all that is in it; the folder itself comes last."""
    for parent, folders, files in os.walk(folder, topdown=False):
        for name in [*folders, *files]:
            os.lchown(os.path.join(parent, name), identity.uid, identity.gid)
    os.lchown(folder, identity.uid, identity.gid)


def _create(data: Path, programs: Path, identity: ServerIdentity) -> None:
    unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=data.parent))  # mode 0700
    try:
        if os.geteuid() == 0:
            give(unfinished, identity)
        try:
            result = identity.run([str(programs / "initdb"), f"--pgdata={unfinished}", *INITDB_OPTIONS], INITDB_LIMIT)
        except subprocess.TimeoutExpired as error:
            raise DatabaseUnavailable(
                f"cannot create the database in {data}: initdb was not done after {INITDB_LIMIT:.0f} s; try again"
            ) from error
        if result.returncode != 0:
            raise DatabaseUnavailable(f"cannot create the database in {data}: {_reason(result)}")
        (unfinished / "log").mkdir(mode=0o700)  # root's log stays root's; the server gets it already open
        unfinished.rename(data)
        _sync(data.parent)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _reason(result: "subprocess.CompletedProcess[str]") -> str:
    lines = [line.strip() for line in f"{result.stdout}\n{result.stderr}".splitlines() if line.strip()]
    if any("No space left" in line for line in lines):
        return "the disk is full; free about 100 MB and try again, nothing was left behind"
    telling = [line for line in lines if "error:" in line or "FATAL" in line or "could not" in line]
    return (telling or lines or [f"initdb ended with {result.returncode}"])[0]


def _sync(folder: Path) -> None:
    """Make a rename in `folder` survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_version(data: Path) -> None:
    try:
        version = (data / "PG_VERSION").read_text().strip()
    except (FileNotFoundError, UnicodeDecodeError):
        version = ""
    if not version:
        raise DatabaseUnavailable(
            f"{data} is not a PostgreSQL data folder (PG_VERSION is missing or empty): restore it from a backup, "
            "or move it away to start with an empty database"
        )
    if version != MAJOR_VERSION:
        raise DatabaseUnavailable(
            f"{data} was made by PostgreSQL {version}, this program brings PostgreSQL {MAJOR_VERSION}: dump it with "
            "the older version and restore it here, or move it away to start with an empty database"
        )


def _check_owner(data: Path) -> None:
    owner = data.stat().st_uid
    if owner in owners_of_ours():
        return
    raise DatabaseUnavailable(
        f"{data} belongs to {_name(owner)}: run fileintel as that user, or set FILEINTEL_HOME to another folder"
    )


def owners_of_ours() -> set[int]:
    """Who may own what an earlier start has made: ourselves, and for root the system user too."""
    if os.geteuid() != 0:
        return {os.geteuid()}
    try:
        return {0, pwd.getpwnam(SYSTEM_USER).pw_uid}
    except KeyError:
        return {0}


def _name(uid: int) -> str:
    try:
        return repr(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return f"user {uid}"
