"""Keeping a run's lease alive while its owner computes, and knowing whose process holds one.

An owner is named `host/process id/start of the process/process id namespace`.
"""

import os
import socket
import threading
from functools import cache
from pathlib import Path

from fileintel.errors import DatabaseUnavailable, LeaseLost
from fileintel.storage import runs
from fileintel.storage.engine import Database
from fileintel.storage.runs import LEASE_SECONDS, Lease

RENEW_SECONDS = LEASE_SECONDS / 4
UNKNOWN = "?"


class LeaseKeeper:
    """Renews a lease in the background, every `every` seconds. A context manager."""

    def __init__(self, database: Database, lease: Lease, every: float = RENEW_SECONDS) -> None:
        self._database = database
        self._lease = lease
        self._every = every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease-keeper", daemon=True)

    def __enter__(self) -> "LeaseKeeper":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._over.wait(self._every):
            try:
                with self._database.transaction() as session:
                    runs.renew(session, self._lease)
            except LeaseLost:
                return  # the owner hears of it from its own next write
            except DatabaseUnavailable:
                continue  # the lease may yet be in time when the database is back


def this_process() -> str:
    """Names this process among all machines and all times."""
    return _name(os.getpid())


@cache
def _name(pid: int) -> str:
    return f"{socket.gethostname()}/{pid}/{_started(pid)}/{_namespace()}"


def is_gone(owner: str | None) -> bool:
    """True when the owner was a process of this machine and is no more. Of other machines, and of other containers
    on this one, nothing is known."""
    host, _, rest = (owner or "").partition("/")
    pid, _, rest = rest.partition("/")
    started, _, namespace = rest.partition("/")
    if host != socket.gethostname() or not pid.isdigit() or started in ("", UNKNOWN):
        return False
    # two containers with the network of their host have one name, and both have a process 1
    if namespace != _namespace():
        return False
    return _started(int(pid)) != started


def _started(pid: int) -> str:
    """When a process began, in clock ticks since boot (proc(5), field 22 of stat); "?" where that is not known, and
    nothing for one that has ended, also when its parent has not noticed yet."""
    if not Path("/proc/self/stat").exists():
        return UNKNOWN
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in ("Z", "X") else fields[18]


def _namespace() -> str:
    """The number of the process id namespace (namespaces(7)): in another one, the same number is another process."""
    try:
        return Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        return UNKNOWN
