"""Keeping a run's lease alive while its owner computes, and knowing whose process holds one."""

import os
import socket
import threading
from pathlib import Path

from fileintel.errors import DatabaseUnavailable, LeaseLost
from fileintel.storage import runs
from fileintel.storage.engine import Database
from fileintel.storage.runs import LEASE_SECONDS, Lease

RENEW_SECONDS = LEASE_SECONDS / 4


class LeaseKeeper:
    """Renews a lease in the background, on connections of its own. A context manager."""

    def __init__(self, database: Database, lease: Lease) -> None:
        self._database = database
        self._lease = lease
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease-keeper", daemon=True)

    def __enter__(self) -> "LeaseKeeper":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._over.wait(RENEW_SECONDS):
            try:
                with self._database.transaction() as session:
                    runs.renew(session, self._lease)
            except LeaseLost:
                return  # the owner hears of it from its own next write
            except DatabaseUnavailable:
                continue  # the lease may yet be in time when the database is back


def this_process() -> str:
    """Names this process among all machines and all times: host, process id, moment of its start."""
    return f"{socket.gethostname()}/{os.getpid()}/{_started(os.getpid())}"


def is_gone(owner: str | None) -> bool:
    """True when the owner was a process of this machine and is no more. Of other machines nothing is known."""
    host, _, rest = (owner or "").partition("/")
    pid, _, started = rest.partition("/")
    if host != socket.gethostname() or not pid.isdigit() or started == "?":
        return False
    return _started(int(pid)) != started


def _started(pid: int) -> str:
    """When a process began, in clock ticks since boot (proc(5), field 22 of stat); "?" where that is not known."""
    if not Path("/proc/self/stat").exists():
        return "?"
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
