"""The watchdog: ends the programs of a process that has died, however it died. The other half of `child_processes`.

Run as a script: `python -I -S watchdog.py <fd>`, with the reading end of a pipe. `+123` says that the process
group 123 was started, `-123` that it has ended. When the last writer is gone, so is the process that started
them: what is left is asked to end, and then made to.

Standard library only, and nothing of this package: it lives as long as the service, and stays small.
Linux only: it reads /proc.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Collection

GRACE = 10.0  # seconds between SIGTERM and SIGKILL; there is no process any more that could wait for running tasks
KILL_LIMIT = 10.0  # seconds; a killed process goes at once, unless it hangs in the kernel
POLL_INTERVAL = 0.05  # seconds


def birth(pid: int) -> int | None:
    """When a living process was started, in clock ticks since the machine was; None for a zombie or none.

    Together with the number it names a process for ever: the kernel gives numbers out again.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def living_members(groups: Collection[int]) -> list[int]:
    """The processes of these groups. Zombies do not count: where init does not collect them, they stay."""
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
        time.sleep(POLL_INTERVAL)


def watch(pipe: int) -> None:
    """Keep the list of groups until no process can write to the pipe any more, then end them."""
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
    watch(int(sys.argv[1]))
