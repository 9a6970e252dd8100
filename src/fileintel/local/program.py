"""The description of a program for the supervisor, and one program while it is supervised."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from fileintel.child_processes import ChildProcesses, birth
from fileintel.local.console import LineReader

FIRST_PAUSE = 0.5  # seconds before a program is started again; doubled each time
LONGEST_PAUSE = 30.0  # seconds
STEADY = 60.0  # seconds; a program that has run so long begins with the first pause again


class Role(StrEnum):
    """What a program is for the ones that come after it in the list."""

    SERVICE = "service"  # no other program waits for it
    FOUNDATION = "foundation"  # they start when it is ready, and it is stopped after them
    TASK = "task"  # they start when it has ended well


@dataclass(frozen=True)
class Program:
    """A program of a service.

    Parameters:
      name: short; shown before each line that it prints.
      command: the program and its arguments.
      environment: the whole of it; nothing is added.
      ready: a test that is asked again and again, or a text in a line that it prints; None: ready when started.
      role: see `Role`.
      prepare: called before each start; what it raises counts as a failed start.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    ready: Callable[[], bool] | str | None = None
    role: Role = Role.SERVICE
    prepare: Callable[[], object] | None = None


class State(StrEnum):
    """Where a program is in its life."""

    WAITING = "waiting"  # for those before it
    STARTING = "starting"
    READY = "ready"
    PAUSING = "restarting"  # it has died, and is started again in a moment
    STOPPING = "stopping"
    ENDED = "ended"


@dataclass(frozen=True)
class ProcessRecord:
    """A program as others see it.

    Parameters:
      pid, born: which process it is, see `child_processes.birth`; None while it does not run.
      since: when it got into this state, in UTC.
      restarts: how often it was started again.
    """

    name: str
    pid: int | None
    born: int | None
    state: str
    since: str
    restarts: int


class Child:
    """One program under supervision. It never waits for anything."""

    def __init__(self, program: Program, processes: ChildProcesses) -> None:
        self.program = program
        self.reader: LineReader | None = None
        self.last_line = ""
        self.failures = 0  # in a row
        self.exit_code: int | None = None
        self._processes = processes
        self._process: subprocess.Popen[bytes] | None = None
        self._born: int | None = None
        self._starts = 0
        self._started = 0.0  # on the monotonic clock, as the next one
        self._due = 0.0
        self._enter(State.WAITING)

    def _enter(self, state: State) -> None:
        self.state = state
        self._since = datetime.now(UTC)

    @property
    def record(self) -> ProcessRecord:
        """The program as others see it."""
        pid = self._process.pid if self._process else None
        since = self._since.isoformat(timespec="milliseconds")
        born = self._born if self._process else None
        return ProcessRecord(self.program.name, pid, born, self.state, since, max(0, self._starts - 1))

    @property
    def runs(self) -> bool:
        """The process is there, as far as we have looked."""
        return self._process is not None

    @property
    def up(self) -> bool:
        """It is ready, or a task that has ended well."""
        return self.state is State.READY or (self.program.role is Role.TASK and self.exit_code == 0)

    @property
    def settled(self) -> bool:
        """Those that come after it may start."""
        return self.program.role is Role.SERVICE or self.up

    @property
    def due(self) -> bool:
        """It is time to start it, as far as it depends on itself."""
        if self.state is State.PAUSING:
            return time.monotonic() >= self._due
        return self.state is State.WAITING

    def start(self) -> None:
        """Start it.

        Raises: OSError, FileIntelError from `prepare`.
        """
        self._starts += 1
        self._started = time.monotonic()
        self.last_line = ""
        if self.program.prepare is not None:
            self.program.prepare()
        reading, writing = os.pipe()
        self.reader = LineReader(reading)
        try:
            self._process = self._processes.start(
                self.program.command, environment=self.program.environment, output=writing
            )
        finally:
            os.close(writing)
        self._born = birth(self._process.pid)
        ready_now = self.program.ready is None and self.program.role is not Role.TASK
        self._enter(State.READY if ready_now else State.STARTING)

    def heard(self, lines: Iterator[str]) -> Iterator[str]:
        """Pass the lines on, and look whether one of them says that the program is ready."""
        for line in lines:
            if line.strip():
                self.last_line = line.strip()
            sign = self.program.ready
            if self.state is State.STARTING and isinstance(sign, str) and sign in line:
                self._enter(State.READY)
            yield line

    def probe(self) -> bool:
        """Ask whether it is ready now; return True when it was not before."""
        if self.state is State.STARTING and callable(self.program.ready) and self.program.ready():
            self._enter(State.READY)
            return True
        return False

    def reaped(self) -> bool:
        """True once, when the process has ended; `exit_code` is known then, and nothing of it is left."""
        if self._process is None or (code := self._process.poll()) is None:
            return False
        self._processes.ended(self._process)
        self._process = None
        self.exit_code = code
        if self.state is State.STOPPING or self.program.role is Role.TASK:
            self._enter(State.ENDED)
        return True

    def pause(self) -> float:
        """Count a failure, plan the next start, and return the seconds until then."""
        steady = time.monotonic() - self._started > STEADY
        self.failures = 1 if steady else self.failures + 1
        pause = min(FIRST_PAUSE * 2.0 ** (self.failures - 1), LONGEST_PAUSE)
        self._due = time.monotonic() + pause
        self._enter(State.PAUSING)
        return pause

    def stop(self) -> None:
        """Ask it to end; one that does not run will not be started again."""
        if self._process is None:
            if self.state is not State.ENDED:
                self._enter(State.ENDED)
            return
        self._enter(State.STOPPING)
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, with all that it has started."""
        if self._process is not None:
            self._processes.kill(self._process)

    def how_it_ended(self) -> str:
        """In words, for messages."""
        code = self.exit_code
        if code is not None and code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"
