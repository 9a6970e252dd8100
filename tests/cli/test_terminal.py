"""Where the output goes: terminals and files, pipes that close, other encodings; and the help."""

import os
import pty
import re
import subprocess
import sys

import pytest

from tests.conftest import CommandLine

from .conftest import COLLECTION, DOCUMENTS, Town

COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7])[;m]")
HELP = """
import sys
from typer.main import get_command
from fileintel.cli.main import app

def pages(command, path):
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from pages(inner, [*path, name])

for path in pages(get_command(app), []):
    print("#", *path)
    assert app([*path, "--help"], prog_name="fileintel", standalone_mode=False) in (0, None)
"""
IMPORTS = """
import atexit, runpy, sys

def tell():
    print(",".join(sorted({"sqlalchemy", "openai", "pydantic", "graphrag", "numpy"} & {*sys.modules})), file=sys.stderr)

atexit.register(tell)  # the command ends the process
sys.argv = ["fileintel", "--help"]
runpy.run_module("fileintel", run_name="__main__")
"""


def on_a_terminal(fileintel: CommandLine, *arguments: object, **settings: str) -> str:
    """What a command writes when all its streams are a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        fileintel.command(*arguments),
        env={**fileintel.environment, "TERM": "xterm-256color", **settings},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = b""
    try:
        while piece := os.read(ours, 65536):
            written += piece
    except OSError:  # Linux says EIO when the other side has closed
        pass
    os.close(ours)
    assert process.wait(60) == 0, written
    return written.decode()


def test_a_terminal_gets_a_table_that_is_drawn_in_place_and_without_colour_if_so_wished(indexed: CommandLine) -> None:
    shown = on_a_terminal(indexed, "graphrag", "index", COLLECTION, "--force", NO_COLOR="1")
    assert "\x1b[" in shown
    assert "extract" in shown
    assert "index version 2" in shown
    assert COLOUR.search(shown) is None


def test_a_file_gets_lines_without_escape_codes(town: Town) -> None:
    assert "\x1b" not in town.built.out + town.built.err
    assert "extract: 6/6 done in" in town.built.err


def test_tables_fit_into_a_narrow_terminal(town: Town) -> None:
    shown = on_a_terminal(town.fileintel, "graphrag", "entities", COLLECTION, COLUMNS="70", LINES="20")
    assert max(map(len, shown.splitlines())) <= 70


def test_a_pipe_that_closes_early_is_no_drama(town: Town) -> None:
    words = " ".join(town.fileintel.command("graphrag", "entities", COLLECTION, "--limit", "10000", "--json"))
    done = subprocess.run(
        f"{words} | head -1", shell=True, env=town.fileintel.environment, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("[\n", "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_full_disk_behind_stdout_is_told_in_one_line(town: Town) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            town.fileintel.command("collections", "list"),
            env=town.fileintel.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "error: No space left on device\n")


def test_characters_that_the_locale_lacks_do_not_end_a_command(town: Town) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    listed = town.fileintel("documents", "list", COLLECTION, **ascii_only)
    assert DOCUMENTS[0] in listed.out
    assert listed.out.isascii()
    as_json = town.fileintel("documents", "list", COLLECTION, "--json", **ascii_only)
    assert any("Kestervåg" in document["title"] for document in as_json.json)
    town.fileintel("documents", "text", DOCUMENTS[2], **ascii_only)


def test_every_command_has_a_help_page() -> None:
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
    assert done.stdout.count("Usage: fileintel") == done.stdout.count("\n# ") + 1 > 30


def test_help_loads_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True)
    assert done.stderr == "\n"
