"""Looking at, and ending, the processes of the tests: always by process id, never by name."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from fileintel.local import keeper

LIMIT = 120.0  # seconds until a condition counts as never met; on busy cores everything takes long
MEMBER = Path(__file__).with_name("member.py")


def wait_until(condition: Callable[[], object], what: str) -> None:
    give_up = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < give_up, f"{what} has not happened within {LIMIT:.0f} s"
        time.sleep(0.01)


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    """What one committed statement returns, over a connection made from the URL as SQLAlchemy reads it."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        result = connection.execute(text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []


def postmaster(home: Path) -> int:
    pid = keeper.server_pid(str(home / "postgres"))
    assert pid is not None, f"no server in {home}"
    return pid


def keeper_pid(home: Path) -> int:
    """The keeper's process id; it writes it down when it is at its post."""
    wait_until(lambda: (home / "postgres.keeper").read_text().strip(), "the keeper's start")
    return int((home / "postgres.keeper").read_text())


def kill(pid: int) -> None:
    """kill -9, and wait until the process is gone or a zombie."""
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid), f"the end of process {pid}")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def processes_below(home: Path) -> list[int]:
    """Everything that works for this home: servers in its data folder and keepers that name it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            folder = os.readlink(entry / "cwd")
        except OSError:
            continue
        if folder.startswith(str(home)) or (b"keeper.py" in command and os.fsencode(f"{home}/") in command):
            found.append(int(entry.name))
    return found


def wait_until_stopped(home: Path) -> None:
    wait_until(lambda: not processes_below(home), f"the stop of all processes of {home}")


class Member:
    """A running member.py."""

    def __init__(self, home: Path, *options: str, command: tuple[str, ...] = (sys.executable,), **more: object) -> None:
        arguments = [*command, str(MEMBER), str(home), *options]
        self.process = subprocess.Popen(  # type: ignore[call-overload]
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **more
        )
        self.child = 0

    def answer(self) -> tuple[str, str]:
        """("joined", url) or ("refused", message)."""
        word, _, rest = self.process.stdout.readline().rstrip("\n").partition(" ")
        if word == "child":
            self.child = int(rest)
            return self.answer()
        return word, rest

    def url(self) -> str:
        word, rest = self.answer()
        assert word == "joined", rest
        return rest

    def leave(self) -> None:
        """Let it leave and end."""
        self.process.stdin.close()
        assert self.process.wait(LIMIT) == 0
        self.process.stdout.close()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(LIMIT)
        self.process.stdin.close()
        self.process.stdout.close()


@contextmanager
def member(home: Path, *options: str, **more: object) -> Iterator[Member]:
    """A member that is certainly gone at the end of the block."""
    one = Member(home, *options, **more)  # type: ignore[arg-type]
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.kill()
        if one.child and alive(one.child):
            os.kill(one.child, signal.SIGKILL)
