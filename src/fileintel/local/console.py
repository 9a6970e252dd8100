"""What the programs of a service print, on one terminal or in one log file of bounded size."""

import contextlib
import os
import re
import select
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

LOG_LIMIT = 10 * 1024 * 1024  # bytes of one file; there are two
LONGEST_LINE = 64 * 1024  # bytes; what is longer is shown in pieces
CHUNK = 64 * 1024  # bytes read at once: the size of a pipe
COLOURS = (36, 32, 33, 35, 34, 31)  # of ANSI terminals; cyan first, red last
OWN_NAME = "fileintel"

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # what could move the cursor


class LineReader:
    """Reads lines from a pipe without ever waiting for one."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._rest = b""
        self.closed = False

    def fileno(self) -> int:
        """Return the descriptor, for a selector."""
        return self._descriptor

    def lines(self) -> Iterator[str]:
        """Yield what has arrived, line by line; at most one chunk, so that no program can keep the others waiting."""
        try:
            piece = os.read(self._descriptor, CHUNK)
        except BlockingIOError:
            return
        *whole, self._rest = (self._rest + piece).split(b"\n")
        if self._rest and (not piece or len(self._rest) > LONGEST_LINE):
            whole, self._rest = [*whole, self._rest], b""
        if not piece:
            self.close()
        for line in whole:
            yield line.decode("utf-8", "replace").rstrip()

    def drained(self) -> Iterator[str]:
        """Yield the last lines of a program that has ended; closes the pipe, also when another process holds it."""
        while not self.closed:
            before = self._rest
            lines = list(self.lines())
            yield from lines
            if not lines and self._rest == before:
                break
        if self._rest:
            yield self._rest.decode("utf-8", "replace").rstrip()
        self.close()

    def close(self) -> None:
        """Close the pipe."""
        if not self.closed:
            self.closed = True
            os.close(self._descriptor)


class Console:
    """Prints lines under the names of the programs that they are from.

    Parameters:
      names: of all programs; they decide the width of the first column and the colours.
      log: the file that stdout and stderr are to go to, with times; None leaves them where they are.
    """

    def __init__(self, names: Sequence[str], log: Path | None = None) -> None:
        self._width = max(len(name) for name in [*names, OWN_NAME])
        self._colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)}
        self._log = log
        self._size = 0
        self.broken = False  # the reader of the output is gone
        if log is not None:
            self._open(log)
        self._coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def show(self, name: str, line: str) -> None:
        """Print one line of a program."""
        label = f"{name:<{self._width}} |"
        if self._coloured and name in self._colours:
            label = f"\x1b[{self._colours[name]}m{label}\x1b[0m"
        self._write(f"{label} {_CONTROL.sub('', line)}")

    def say(self, text: str) -> None:
        """Print what the supervisor itself has to say."""
        for line in text.splitlines():
            self.show(OWN_NAME, line)

    def _write(self, line: str) -> None:
        if self._log is not None:
            line = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}"
        data = f"{line}\n".encode(errors="replace")
        self._size += len(data)
        self._emit(data)
        self._bound()

    def _emit(self, data: bytes) -> None:
        stdout = sys.stdout.fileno()
        while data and not self.broken:
            try:
                data = data[os.write(stdout, data) :]
            except BlockingIOError:  # another program has set the terminal so
                select.select([], [stdout], [])
            except OSError:  # the terminal or the reader of a pipe is gone, or the disk is full
                self.broken = self._log is None
                return

    def _bound(self) -> None:
        if self._log is not None and self._size > LOG_LIMIT:
            with contextlib.suppress(OSError):
                os.replace(self._log, self._log.with_name(f"{self._log.name}.1"))
                self._open(self._log)

    def _open(self, log: Path) -> None:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(descriptor).st_size
        for standard in (sys.stdout, sys.stderr):  # a traceback belongs there, too
            os.dup2(descriptor, standard.fileno())
        os.close(descriptor)
