"""What is read off a run: CPU time, memory, how full the slots were."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.ideal import CHAT, Task
from benchmarks.simulator import Record
from benchmarks.simulator.engine import EMBED


@dataclass
class Spent:
    """Seconds of wall clock and of CPU (user and system, of this process alone)."""

    wall: float = 0.0
    cpu: float = 0.0


@contextmanager
def measured() -> Iterator[Spent]:
    """What the block takes."""
    spent = Spent()
    wall, cpu = time.monotonic(), time.process_time()
    try:
        yield spent
    finally:
        spent.wall, spent.cpu = time.monotonic() - wall, time.process_time() - cpu


@dataclass(frozen=True)
class Command:
    """A process that was run to its end. `began`, `ended`: `time.monotonic`; `peak_mb`: most resident memory."""

    code: int
    began: float
    ended: float
    cpu: float
    peak_mb: float
    output: str = field(repr=False, default="")


def run_command(words: Sequence[str], environment: Mapping[str, str], folder: Path) -> Command:
    """Run a command to its end; its output is kept for when it fails."""
    log = folder / f"command-{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        began = time.monotonic()
        process = subprocess.Popen(
            words, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        ended = time.monotonic()
    process.returncode = os.waitstatus_to_exitcode(status)
    text = log.read_text(encoding="utf-8", errors="replace")
    cpu = usage.ru_utime + usage.ru_stime
    return Command(process.returncode, began, ended, cpu, usage.ru_maxrss / 1024, text)


def family_of(pid: int) -> list[int]:
    """A process, its children, and theirs."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    children = path.read_text().split() if path.exists() else []
    return [pid, *(one for child in children for one in family_of(int(child)))]


def cpu_of(pid: int) -> float:
    """Seconds of CPU (user and system) of a process so far; of one that has ended, none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def tasks_of(records: Sequence[Record]) -> list[Task]:
    """The tasks of an ideal schedule with the same answers and the same dependencies."""
    return [Task(record.seconds, record.needs, EMBED if record.purpose == EMBED else CHAT) for record in records]


def idle_share(records: Sequence[Record], slots: int) -> float:
    """The share of slot-seconds that were lost: slots that stood empty while a question was ready.

    A question is ready when the answers that it needs have left the server. Relative to the slot-seconds that
    were used.
    """
    chats = [record for record in records if record.purpose != EMBED]
    if not chats:
        return 0.0
    began = min(record.started for record in chats)
    changes: list[tuple[float, int, int]] = []  # time, change of ready ones, change of running ones
    for record in chats:
        ready = max((records[need].ended for need in record.needs), default=began)
        changes += [(min(ready, record.started), 1, 0), (record.started, -1, 1), (record.ended, 0, -1)]
    lost = used = 0.0
    ready = running = 0
    last = began
    for at, more_ready, more_running in sorted(changes):
        lost += min(max(slots - running, 0), ready) * (at - last)
        used += running * (at - last)
        last, ready, running = at, ready + more_ready, running + more_running
    return lost / used if used else 0.0
