"""Starting, watching and ending the processes of these tests: always by process id, never by name."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import FOREIGN

LIMIT = 120.0  # seconds until a condition counts as never met; on busy cores everything takes long
SUPERVISED = Path(__file__).with_name("supervised.py")


def wait_until(condition: Callable[[], object], what: str) -> None:
    give_up = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < give_up, f"{what} has not happened within {LIMIT:.0f} s"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """False for a zombie, too."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def processes_of(home: Path) -> list[int]:
    """Everything that was started for this home: it is named on the command line or in the environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid() or not alive(int(entry.name)):
            continue
        try:
            told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(home) in told:
            found.append(int(entry.name))
    return found


def own_environment() -> dict[str, str]:
    """The environment without settings of the machine, which must not reach the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}


class Running:
    """A process whose output is collected while it runs."""

    def __init__(self, command: list[str], environment: dict[str, str], **options: Any) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            **options,
        )
        self.lines: list[str] = []
        self.errors: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.lines), (self.process.stderr, self.errors))
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream: Any, into: list[str]) -> None:
        with stream:
            into.extend(line.rstrip("\n") for line in iter(stream.readline, ""))

    @property
    def pid(self) -> int:
        return self.process.pid

    def saw(self, text: str, times: int = 1) -> bool:
        return sum(text in line for line in list(self.lines)) >= times

    def wait_for(self, text: str, times: int = 1) -> None:
        wait_until(lambda: self.saw(text, times) or self.process.poll() is not None, f"{text!r} in the output")
        assert self.saw(text, times), (self.lines, self.errors)

    def words(self, name: str, first: str) -> list[str]:
        """The words after `first` in the lines of the program `name`."""
        texts = [line.partition("| ")[2] for line in list(self.lines) if line.startswith(f"{name} ")]
        return [text.removeprefix(f"{first} ") for text in texts if text.startswith(f"{first} ")]

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        """Wait for the end; the exit code."""
        code = self.process.wait(LIMIT)
        for reader in self._readers:
            reader.join(LIMIT)
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.ended()


@contextmanager
def running(command: list[str], environment: dict[str, str], **options: Any) -> Iterator[Running]:
    """A process that is certainly gone at the end of the block."""
    one = Running(command, environment, **options)
    try:
        yield one
    finally:
        one.close()


@contextmanager
def supervised(home: Path, *programs: dict[str, Any], stop_limit: float = 60.0) -> Iterator[Running]:
    """A supervisor in a process of its own, with stand-in programs: see supervised.py."""
    command = [sys.executable, str(SUPERVISED), str(home), json.dumps(programs), str(stop_limit)]
    with running(command, own_environment(), start_new_session=True) as one:
        yield one


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
