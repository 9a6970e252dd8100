"""The supervisor: starts the programs of a service in order, keeps them running, and stops them all.

One thread and one loop that waits for lines, signals and deaths. It runs in a process of its own, without
gevent: greenlets would bring nothing, and a fork of a patched process runs more than it seems.
"""

import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from fileintel.child_processes import ChildProcesses
from fileintel.errors import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, FileIntelError
from fileintel.local.console import Console
from fileintel.local.program import Child, ProcessRecord, Program, Role, State

START_ATTEMPTS = 3  # of a program that has never been ready; later on there is no limit
STOP_LIMIT = 60.0  # seconds that running tasks may go on; systemd waits 90 before it kills
FOUNDATION_STOP_LIMIT = 10.0  # seconds
REPEAT_AFTER = 1.0  # seconds; some launchers pass a Ctrl-C on that the terminal has already delivered
BUSY_INTERVAL = 0.1  # seconds between two looks while something starts or stops
QUIET_INTERVAL = 2.0  # seconds between two looks otherwise; a death wakes the loop up at once
TEND_INTERVAL = 5.0  # seconds
REMINDER_INTERVAL = 30.0  # seconds


class ServiceFailed(FileIntelError):
    """A program of the service cannot be started."""

    code = "service_failed"

    def __init__(self, message: str, exit_code: int = EXIT_FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Supervisor:
    """Runs programs until it is told to stop; for the main thread of a process that does nothing else.

    SIGINT and SIGTERM stop the programs in order: services first, then the foundations. A second one, or
    SIGQUIT, ends the services at once.

    Parameters:
      programs: in the order of their start.
      console: where everything is printed.
      processes: starts the programs; closed at the end.
      on_ready: called once, when all programs are ready for the first time.
      on_change: called with all programs whenever the state of one has changed.
      tend: called every few seconds; for what else the service stands on.
      stop_limit: seconds that services may take to end after they were asked to.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        console: Console,
        processes: ChildProcesses,
        *,
        on_ready: Callable[[], object] = lambda: None,
        on_change: Callable[[Sequence[ProcessRecord]], object] = lambda records: None,
        tend: Callable[[], object] = lambda: None,
        stop_limit: float = STOP_LIMIT,
    ) -> None:
        self._children = [Child(program, processes) for program in programs]
        self._console = console
        self._processes = processes
        self._on_ready, self._on_change, self._tend = on_ready, on_change, tend
        self._stop_limit = stop_limit
        self._selector = selectors.DefaultSelector()
        self._signals: list[int] = []
        self._published: list[ProcessRecord] = []
        self._complete = False  # everything was ready once
        self._stopping = False
        self._foundations_stopping = False
        self._stop_asked = 0.0  # on the monotonic clock, as the other times
        self._kill_at = 0.0
        self._tended = self._reminded = time.monotonic()
        self._exit_code = EXIT_DONE
        self._failure: FileIntelError | None = None

    def run(self) -> int:
        """Run until everything has ended, and return the exit code.

        Raises: FileIntelError when a program could not be started or has failed before it was ready.
        """
        try:
            with self._listening():
                while not (self._stopping and not any(child.runs for child in self._children)):
                    self._turn()
        finally:
            self._processes.close()
            self._selector.close()
        if self._failure is not None:
            raise self._failure
        return self._exit_code

    def _turn(self) -> None:
        """Do one round: start the programs that are due, then look at all that has happened."""
        if not self._stopping:
            self._start_due()
        self._wait()
        self._obey_signals()
        self._collect_ended()
        for child in self._children:
            child.probe()
        if self._stopping:
            self._go_on_stopping()
        else:
            self._announce()
            self._look_after_the_rest()
        self._publish()

    # Starting

    def _start_due(self) -> None:
        for child in self._children:
            if child.due:
                self._start(child)
            if not child.settled:
                return

    def _start(self, child: Child) -> None:
        try:
            child.start()
        except (OSError, FileIntelError) as error:
            known = error if isinstance(error, FileIntelError) else None
            self._failed(child, f"cannot be started: {error}", known)
        if child.reader is not None and not child.reader.closed:
            self._selector.register(child.reader, selectors.EVENT_READ, child)

    def _announce(self) -> None:
        if not self._complete and all(child.up for child in self._children):
            self._complete = True
            self._publish()
            self._on_ready()

    def _look_after_the_rest(self) -> None:
        now = time.monotonic()
        if self._console.broken:
            self._stop("")
        if now - self._tended > TEND_INTERVAL:
            self._tend()
            self._tended = time.monotonic()
        if not self._complete and now - self._reminded > REMINDER_INTERVAL:
            self._reminded = now
            late = [child.program.name for child in self._children if not child.up]
            self._console.say(f"still waiting for {', '.join(late)}")

    # Waiting, and what has happened meanwhile

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Let signals wake the loop up within the block; after it, they are ignored."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGCHLD]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
            numbers.append(signal.SIGHUP)
        wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, self._hear)
        self._selector.register(reading, selectors.EVENT_READ)
        try:
            yield
        finally:
            self._selector.unregister(reading)
            for number in numbers:  # the end of this process has begun, and must not be cut short by a third Ctrl-C
                signal.signal(number, signal.SIG_DFL if number == signal.SIGCHLD else signal.SIG_IGN)
            signal.set_wakeup_fd(wakeup)
            os.close(reading)
            os.close(writing)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:  # that one only ends the waiting
            self._signals.append(number)

    def _wait(self) -> None:
        busy = self._stopping or not self._complete or not all(child.up for child in self._children)
        for key, _ in self._selector.select(BUSY_INTERVAL if busy else QUIET_INTERVAL):
            if isinstance(key.data, Child) and key.data.reader is not None:
                self._show(key.data, key.data.reader.lines())
            else:
                with suppress(BlockingIOError):
                    os.read(key.fd, 1024)

    def _show(self, child: Child, lines: Iterator[str]) -> None:
        reader = child.reader
        assert reader is not None
        descriptor = reader.fileno()
        for line in child.heard(lines):
            if line:
                self._console.show(child.program.name, line)
        if reader.closed:
            self._selector.unregister(descriptor)

    def _collect_ended(self) -> None:
        for child in self._children:
            if not child.reaped():
                continue
            if child.reader is not None and not child.reader.closed:
                self._show(child, child.reader.drained())
            if self._stopping:
                child.stop()  # a program that has ended by itself is not started again, either
            elif child.state is not State.ENDED:
                self._failed(child, child.how_it_ended())
            elif child.exit_code != 0:
                self._give_up(child, child.how_it_ended())

    def _failed(self, child: Child, how: str, error: FileIntelError | None = None) -> None:
        pause = child.pause()
        if not self._complete and child.failures >= START_ATTEMPTS:
            self._give_up(child, how, error)
        else:
            self._console.say(f"{child.program.name} {how}; starting it again in {pause:g} s")

    def _give_up(self, child: Child, how: str, error: FileIntelError | None = None) -> None:
        last = child.last_line.removeprefix("error: ")
        code = max(child.exit_code or 0, EXIT_FAILED) if child.program.role is Role.TASK else EXIT_FAILED
        self._failure = error or ServiceFailed(f"{child.program.name} {how}{f': {last}' if last else ''}", code)
        self._stop(f"{child.program.name} does not start: stopping everything")

    # Stopping

    def _obey_signals(self) -> None:
        while self._signals:
            number = self._signals.pop(0)
            if not self._stopping:
                self._exit_code = EXIT_INTERRUPTED if number == signal.SIGINT else EXIT_DONE
                limit = f"{self._stop_limit:.0f} s"
                self._stop(f"stopping: running tasks may go on for {limit}; Ctrl-C again ends them at once")
            elif time.monotonic() - self._stop_asked >= REPEAT_AFTER:
                self._kill_at = 0.0
            if number == signal.SIGQUIT:
                self._kill_at = 0.0

    def _stop(self, message: str) -> None:
        if self._stopping:
            return
        self._stopping = True
        self._stop_asked = time.monotonic()
        self._kill_at = self._stop_asked + self._stop_limit
        if message:
            self._console.say(message)
        for child in self._children:
            if child.program.role is not Role.FOUNDATION:
                child.stop()

    def _go_on_stopping(self) -> None:
        foundations = [child for child in self._children if child.program.role is Role.FOUNDATION]
        others = [child for child in self._children if child not in foundations]
        if not self._foundations_stopping and not any(child.runs for child in others):
            self._foundations_stopping = True
            self._kill_at = time.monotonic() + FOUNDATION_STOP_LIMIT
            for child in reversed(foundations):
                child.stop()
        if time.monotonic() >= self._kill_at:
            for child in foundations if self._foundations_stopping else others:
                child.kill()

    def _publish(self) -> None:
        records = [child.record for child in self._children]
        if records != self._published:
            self._published = records
            self._on_change(records)
