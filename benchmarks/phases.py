"""What each phase of a long piece of work takes: processor time of this process, its children and PostgreSQL, memory,
and how long the hub stood still.

A native thread looks, so that it sees a phase end while the hub computes.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gevent import get_hub, monkey

from fileintel.runtime import STALL_SECONDS, HubWatcher

LOOK_SECONDS = 0.05
BEAT_SECONDS = 0.01
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Phase:
    """Seconds of the wall clock, of this process and its ended children, and of PostgreSQL; most memory in MB."""

    name: str
    wall: float = 0.0
    cpu: float = 0.0
    database: float = 0.0
    memory: float = 0.0


@dataclass(frozen=True)
class Stalls:
    """In seconds: `computing` by the processor time of the hub's own thread, which is what an idle machine would show;
    `waiting` by the wall clock, on this one."""

    computing: float
    waiting: float
    culprit: str


class Phases:
    """Cuts the time into phases: those that are begun by hand, and those that somebody who is asked often tells.

    Parameters:
      home: the folder of PostgreSQL.
    """

    def __init__(self, home: Path) -> None:
        self._home = str(home)
        self._tell: Callable[[], str] | None = None
        self._phases: list[Phase] = []
        self._running = True
        self._sleep = monkey.get_original("time", "sleep")
        self._at = (0.0, 0.0, 0.0)
        self._longest_beat = 0.0
        self._beat = time.thread_time()
        self._timer = get_hub().loop.timer(BEAT_SECONDS, BEAT_SECONDS, ref=False)
        self._simulator_mb = _children_mb()
        self.base_mb = _resident(Path("/proc/self"))

    def __enter__(self) -> "Phases":
        self._watcher = HubWatcher()
        self._timer.start(self._alive)
        monkey.get_original("_thread", "start_new_thread")(self._watch, ())
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._running = False
        self._watcher.stop()
        self._timer.stop()
        self._timer.close()

    def follow(self, tell: Callable[[], str]) -> None:
        """From now on `tell` says which phase it is."""
        self.begin(tell())
        self._tell = tell

    def begin(self, name: str) -> None:
        """A phase begins; from now on they are begun by hand."""
        self._tell = None
        self._enter(name)

    def end(self) -> None:
        """The last phase is over."""
        self._tell = None
        self._count()
        self._phases.append(Phase(""))

    def spent(self) -> list[dict[str, Any]]:
        """What each phase took, in order."""
        return [asdict(phase) for phase in self._phases if phase.name]

    def peak_mb(self) -> float:
        """The most memory of this process and its children."""
        return max(phase.memory for phase in self._phases)

    def stalls(self) -> Stalls:
        """How the hub fared."""
        seen = self._watcher.stalls()
        return Stalls(self._longest_beat, seen.longest, seen.culprit)

    def _alive(self) -> None:
        """In the hub, by its timer."""
        now = time.thread_time()
        beat, self._beat = now - self._beat, now
        if beat > max(STALL_SECONDS / 2, self._longest_beat):
            print(f"   the hub stood still for {beat * 1000:.0f} ms of its own", file=sys.stderr, flush=True)
        self._longest_beat = max(self._longest_beat, beat)

    def _enter(self, name: str) -> None:
        self._count()
        known = next((phase for phase in self._phases if phase.name == name), None)
        if known is not None:
            self._phases.remove(known)
        self._phases.append(known or Phase(name))
        print(f"   {time.strftime('%H:%M:%S')} {name}", file=sys.stderr, flush=True)

    def _count(self) -> None:
        times = os.times()
        now = (time.monotonic(), sum(times[:4]), database_cpu(self._home))
        if self._phases:
            phase, was = self._phases[-1], self._at
            phase.wall += now[0] - was[0]
            phase.cpu += now[1] - was[1]
            phase.database += now[2] - was[2]
            print(f"   {asdict(phase)}", file=sys.stderr, flush=True)
        self._at = now

    def _watch(self) -> None:
        while self._running:
            self._sleep(LOOK_SECONDS)
            tell = self._tell
            if tell is not None and (name := tell()) != self._phases[-1].name and self._tell is tell:
                self._enter(name)
            if self._phases:
                memory = _resident(Path("/proc/self")) + _children_mb() - self._simulator_mb
                self._phases[-1].memory = max(self._phases[-1].memory, memory)


def database_cpu(home: str) -> float:
    """Seconds that the processes of the PostgreSQL below `home` have run so far, those that have ended included."""
    ticks = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if home in str((process / "cwd").readlink()):
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                ticks += sum(map(int, fields[11:15]))
        except OSError:
            continue
    return ticks / TICKS


def _resident(process: Path) -> float:
    try:
        return int((process / "statm").read_text().split()[1]) * PAGE / 2**20
    except OSError:
        return 0.0


def _is_itself(process: Path) -> bool:
    """Whether it is no copy of this process any more, which shares its memory."""
    try:
        return (process / "cmdline").read_bytes() != Path("/proc/self/cmdline").read_bytes()
    except OSError:
        return False


def _children_mb() -> float:
    """Memory of the children, in MB."""
    found = 0.0
    for task in Path("/proc/self/task").glob("*"):
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        found += sum(_resident(process) for child in children if _is_itself(process := Path("/proc") / child))
    return found
