"""What the programs print, in a terminal and in a log."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fileintel.local.console import LineReader


def write_and_read(*pieces: bytes) -> list[str]:
    reading, writing = os.pipe()
    reader, found = LineReader(reading), []
    for piece in pieces:
        os.write(writing, piece)
        found += list(reader.lines())
    os.close(writing)
    found += list(reader.drained())
    assert reader.closed
    return found


def test_lines_are_put_together_from_pieces() -> None:
    assert write_and_read(b"one\ntw", b"o\nthr", b"ee") == ["one", "two", "three"]


def test_nothing_is_invented_where_nothing_was_printed() -> None:
    assert write_and_read() == []
    assert write_and_read(b"one\n") == ["one"]


def test_bytes_that_are_no_text_do_not_stop_the_reader() -> None:
    assert write_and_read(b"\xff\xfe\nafter\n") == ["\ufffd\ufffd", "after"]


def test_an_endless_line_is_shown_in_pieces() -> None:
    assert "".join(write_and_read(*[b"x" * 10_000] * 20)) == "x" * 200_000


def test_a_pipe_that_others_hold_open_does_not_keep_the_reader_waiting() -> None:
    reading, writing = os.pipe()
    reader = LineReader(reading)
    os.write(writing, b"last words")
    assert list(reader.drained()) == ["last words"]
    os.close(writing)


@pytest.mark.parametrize("detached", [False, True])
def test_what_could_move_the_cursor_is_left_out(tmp_path: Path, detached: bool) -> None:
    out = console("console.show('api', 'a\\x1b[2Jb')", tmp_path / "log" if detached else None)
    assert out.endswith("api       | a[2Jb\n")


def test_a_log_is_bounded_and_keeps_the_newest_lines(tmp_path: Path) -> None:
    code = "console_module.LOG_LIMIT = 10_000\nfor number in range(1_000): console.say(f'line {number}')"
    newest = console(code, tmp_path / "log")
    older = (tmp_path / "log.1").read_text()
    assert len(older) < 11_000
    assert len(newest) < 11_000
    numbers = [int(line.rpartition(" ")[2]) for line in (older + newest).splitlines()]
    assert numbers == list(range(numbers[0], 1_000))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "log.1"]


def console(code: str, log: Path | None) -> str:
    """What a console of a process of its own prints, which it gives its stdout to."""
    start = (
        "from pathlib import Path\nfrom fileintel.local import console as console_module\n"
        f"console = console_module.Console(['api'], {f'Path({str(log)!r})' if log else None})\n"
    )
    done = subprocess.run([sys.executable, "-c", start + code], capture_output=True, text=True, check=True)
    return log.read_text() if log else done.stdout
