"""Child processes that do not outlive the process that started them, even when that one is killed by `kill -9`.

Two ways, and when each is right:

- `exit_with_parent`, called in a child that is a Python program of ours: it looks once a second whether its parent is
  still there. Costs one thread that sleeps.
- `ChildProcesses`, for other programs (Redis, Celery's workers) and their own children: a watchdog, a small process
  beside them, ends them when their parent is gone. Costs that process, about 6 MB.

Parental death signals would be simpler, but they also strike when just the thread ends that started the child, and do
not reach a program's own children. The end of a pipe alone is not enough either, since a fork of the parent may hold
its other end open.

The watchdog is this file, run as a script: `python -I -S child_processes.py watchdog <fd>`, with the reading end of a
pipe. `+123` says that the process group 123 was started, `-123` that it has ended. When the last writer is gone, so is
the process that started them: what is left is asked to end, and then killed. So this file imports nothing of its
package. Linux only: it reads /proc.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from typing import IO, Protocol

PARENT_CHECK_INTERVAL = 1.0  # seconds
GRACE = 10.0  # seconds between SIGTERM and SIGKILL; nothing is left that could wait for running tasks
KILL_LIMIT = 10.0  # seconds; a killed process goes at once, unless it hangs in the kernel
GROUP_POLL_INTERVAL = 0.05  # seconds
POLL_INTERVAL = 0.005  # seconds
WATCHDOG_LIMIT = 2 * GRACE + KILL_LIMIT  # seconds

# The shell tells the watchdog its own number, which the program keeps, and closes the pipe. So there is no moment at
# which a program runs that the watchdog does not know, nor one that keeps it from seeing our end.
_LAUNCH = 'echo "+$$" >&0; exec "$@" </dev/null'

_writing_ends: set[int] = set()


def exit_with_parent(parent: int | None = None) -> None:
    """End this process, with exit code 1 and at once, as soon as its parent is gone. Returns; a thread does it.

    Parameters:
      parent: the parent's process id, given by the parent itself, so that its end before this call is noticed; without
        it the present parent counts.
    """
    expected = os.getppid() if parent is None else parent

    def watch_parent() -> None:
        while os.getppid() == expected:
            time.sleep(PARENT_CHECK_INTERVAL)
        os._exit(1)

    threading.Thread(target=watch_parent, name="exit-with-parent", daemon=True).start()


def _forget_in_child() -> None:
    """Close the copies of a forked child, which would keep the watchdog from seeing its parent's death."""
    for descriptor in list(_writing_ends):
        with contextlib.suppress(OSError):
            os.close(descriptor)
    _writing_ends.clear()


os.register_at_fork(after_in_child=_forget_in_child)


def has_ended(process: "subprocess.Popen[bytes]", limit: float) -> bool:
    """Wait up to `limit` seconds for the end of a process; return whether it has ended.

    gevent 26.9's own `Popen.wait` may sleep until its timeout if nothing else wakes the hub up meanwhile.
    """
    give_up = time.monotonic() + limit
    while process.poll() is None:
        if time.monotonic() >= give_up:
            return False
        time.sleep(POLL_INTERVAL)
    return True


class Lock(Protocol):
    """A lock on a file, such as `FileLock`."""

    def fileno(self) -> int:
        """Return the locked descriptor."""


class ChildProcesses:
    """Starts programs, each the leader of a session and process group of its own, and sees to their end.

    Parameters:
      lock: held by this process; the watchdog holds it as well, so that it is free only when everything is gone.
    """

    def __init__(self, lock: Lock | None = None) -> None:
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
        """Kill what is left of the group of a program that has ended; to be called for each one."""
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
                [sys.executable, "-I", "-S", __file__, "watchdog", str(self._reading)],
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
        """End what still runs, and the watchdog; wait for it."""
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


def birth(pid: int) -> int | None:
    """Return when a living process was started, in clock ticks since the machine was; None when it does not live.

    Together with the number it names a process for ever: the kernel gives numbers out again. A zombie does not live.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def living_members(groups: Collection[int]) -> list[int]:
    """Return the processes of these groups. Zombies do not count: where init does not collect them, they stay."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                state, _, group = file.read().rpartition(b")")[2].split()[:3]
                if int(group) in groups and state not in (b"Z", b"X"):
                    found.append(int(name))
    return found


def end_groups(groups: Collection[int], grace: float = GRACE) -> None:
    """Ask the leaders of the groups to end, and kill what outlives its leader, or `grace` seconds."""
    give_up = time.monotonic() + grace
    asked: set[int] = set()
    while (living := living_members(groups)) and time.monotonic() < give_up + KILL_LIMIT:
        for group in groups:
            with contextlib.suppress(OSError):
                if group not in living or time.monotonic() >= give_up:
                    os.killpg(group, signal.SIGKILL)
                elif group not in asked:
                    # the leader alone: a Celery worker brings its pool down in order, which it could not if the
                    # pool were signalled too
                    asked.add(group)
                    os.kill(group, signal.SIGTERM)
        time.sleep(GROUP_POLL_INTERVAL)


def watch(pipe: int) -> None:
    """Keep the list of groups until the last writer of the pipe is gone, then end them."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):  # it is needed until the others have ended
        signal.signal(number, signal.SIG_IGN)
    groups: dict[int, None] = {}
    with open(pipe, "rb") as lines:
        for line in lines:
            group = int(line[1:])
            if line[:1] == b"+":
                groups[group] = None
            else:
                groups.pop(group, None)
    end_groups(groups)


if __name__ == "__main__":
    watch(int(sys.argv[2]))
