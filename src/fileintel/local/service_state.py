"""The state of the service of a home: a file that its supervisor writes and other processes read."""

import contextlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from fileintel.child_processes import birth
from fileintel.local.file_lock import FileLock
from fileintel.local.program import ProcessRecord

LOCK = "service.lock"  # held by the supervisor and its watchdog
STATE = "service.json"
LOG = Path("logs", "service.log")  # of a detached service
PROBE_LIMIT = 1.0  # seconds; another one that looks holds the lock for an instant


@dataclass(frozen=True)
class ServiceState:
    """A service, as its supervisor has last described it.

    Parameters:
      pid: of the supervisor.
      born: see `birth`.
      url: of the API.
      since: when the service was started, in UTC.
      ready: all its programs were ready once.
      embedded_postgres: the database is the one of this home.
      postgres_restarts: how often the embedded PostgreSQL was started again, by any process.
      log: the log file of a detached service; None for one at a terminal.
    """

    pid: int
    born: int
    url: str
    since: str
    ready: bool
    embedded_postgres: bool
    postgres_restarts: int
    log: str | None
    processes: Sequence[ProcessRecord]

    @property
    def alive(self) -> bool:
        """The supervisor lives."""
        return birth(self.pid) == self.born


def write_state(home: Path, state: ServiceState) -> None:
    """Replace the state file in one step. Raises OSError."""
    unfinished = home / f"{STATE}.new"
    unfinished.write_text(json.dumps(asdict(state), indent=2), encoding="utf-8")
    unfinished.replace(home / STATE)


def read_state(home: Path) -> ServiceState | None:
    """Return what the last supervisor has written, living or not; None when there is nothing that can be read."""
    try:
        found = json.loads((home / STATE).read_text(encoding="utf-8"))
        return ServiceState(**{**found, "processes": [ProcessRecord(**each) for each in found["processes"]]})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def clear_state(home: Path) -> None:
    """Remove the state file."""
    with contextlib.suppress(OSError):
        (home / STATE).unlink(missing_ok=True)


def running_service(home: Path) -> ServiceState | None:
    """Return the service that runs in `home`, or is being started or stopped; None when there is none."""
    state = read_state(home)
    return state if state is not None and state.alive and not is_free(home) else None


def is_free(home: Path) -> bool:
    """Return whether neither a service nor remains of one are there.

    Raises: PermissionError when the home is another user's.
    """
    if not (home / LOCK).exists():
        return True
    lock = FileLock(home / LOCK)
    # shared, so that several may look at once
    free = lock.acquire(exclusive=False, limit=0)
    lock.release()
    return free
