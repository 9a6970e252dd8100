"""Programs that do not outlive the process that started them, even when that one gets a `kill -9`."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import IO

from fileintel.local import watchdog
from fileintel.local.file_lock import FileLock

POLL_INTERVAL = 0.005  # seconds
WATCHDOG_LIMIT = 2 * watchdog.GRACE + watchdog.KILL_LIMIT  # seconds

# The shell tells the watchdog its own number, which the program keeps, and lets go of the pipe. So there is no
# moment at which a program runs that the watchdog does not know, nor one that keeps it from seeing our end.
_LAUNCH = 'echo "+$$" >&0; exec "$@" </dev/null'

_writing_ends: set[int] = set()


def _forget_in_child() -> None:
    """A forked child that had a copy of the pipe would keep the watchdog from seeing its parent's death."""
    for descriptor in list(_writing_ends):
        with contextlib.suppress(OSError):
            os.close(descriptor)
    _writing_ends.clear()


os.register_at_fork(after_in_child=_forget_in_child)


def has_ended(process: "subprocess.Popen[bytes]", limit: float) -> bool:
    """Wait up to `limit` seconds for the end of a process.

    gevent 26.9's own `Popen.wait` may sleep until its timeout if nothing else wakes the hub up meanwhile.
    """
    give_up = time.monotonic() + limit
    while process.poll() is None:
        if time.monotonic() >= give_up:
            return False
        time.sleep(POLL_INTERVAL)
    return True


class ChildProcesses:
    """Starts programs, each the leader of a session and process group of its own, and answers for their end.

    Parental death signals would be simpler, but they belong to the thread that forks, and do not reach a
    program's own children.

    Parameters:
      lock: held by this process; the watchdog holds it as well, so that it is free only when everything is gone.
    """

    def __init__(self, lock: FileLock | None = None) -> None:
        self._lock = lock
        self._reading, self._writing = os.pipe()
        _writing_ends.add(self._writing)
        self._groups: dict[int, None] = {}
        self._watchdog: subprocess.Popen[bytes] | None = None

    @property
    def watchdog_pid(self) -> int | None:
        """The process id of the watchdog; None before the first start."""
        return self._watchdog.pid if self._watchdog else None

    def start(
        self, command: Sequence[str], *, environment: Mapping[str, str], output: IO[bytes] | int
    ) -> "subprocess.Popen[bytes]":
        """Start `command` in the root folder. What it prints, errors as well, goes to `output`.

        A command that does not exist ends with the code 127.

        Raises: OSError when nothing can be started at all.
        """
        self.ensure_watchdog()
        writing = os.dup(self._writing)  # a copy, because gevent's subprocess forks, and a fork closes ours
        try:
            process = subprocess.Popen(
                ["/bin/sh", "-c", _LAUNCH, "sh", *command],
                stdin=writing,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd="/",  # no folder is held by it, and no module in the user's folder is taken for one of ours
                env=dict(environment),
            )
        finally:
            os.close(writing)
        self._groups[process.pid] = None
        return process

    def ended(self, process: "subprocess.Popen[bytes]") -> None:
        """To be called when a started program has ended: kills what is left of its group."""
        self.kill(process)
        self._groups.pop(process.pid, None)
        self._tell(f"-{process.pid}")

    def kill(self, process: "subprocess.Popen[bytes]") -> None:
        """Kill a program and its process group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)

    def ensure_watchdog(self) -> None:
        """Start the watchdog, or another one in place of one that was killed.

        Raises: OSError when it cannot be started.
        """
        if self._watchdog is not None and self._watchdog.poll() is None:
            return
        locked = [] if self._lock is None else [os.dup(self._lock.fileno())]
        try:
            self._watchdog = subprocess.Popen(
                [sys.executable, "-I", "-S", watchdog.__file__, str(self._reading)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[self._reading, *locked],
                start_new_session=True,
                cwd="/",
            )
        finally:
            for descriptor in locked:
                os.close(descriptor)
        for group in self._groups:
            self._tell(f"+{group}")

    def close(self) -> None:
        """End what still runs, and the watchdog. Waits for it."""
        if self._writing not in _writing_ends:  # closed before, or in a forked child
            return
        _writing_ends.discard(self._writing)
        if self._groups:
            self.ensure_watchdog()
        os.close(self._writing)
        os.close(self._reading)
        if self._watchdog is not None:
            has_ended(self._watchdog, WATCHDOG_LIMIT)

    def _tell(self, line: str) -> None:
        os.write(self._writing, f"{line}\n".encode())
