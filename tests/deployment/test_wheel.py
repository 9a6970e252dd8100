"""The built wheel in an environment of its own, without what only tests need, far from the checkout."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fileintel.services.export_check import MISSING
from tests.conftest import SAMPLES, short_folder
from tests.deployment.compose import ROOT
from tests.deployment.test_packages import PROJECT

DOCUMENT = "travel-guide-kestervag.md"
EVERY_HELP = """
import contextlib, io, json
import typer.main
from fileintel.cli.main import app

def walk(command, words):
    yield words
    for name, inner in getattr(command, "commands", {}).items():
        yield from walk(inner, [*words, name])

command = typer.main.get_command(app)
shown = {}
for words in walk(command, []):
    for wish in ("-h", "--help"):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            command.main([*words, wish], prog_name="fileintel", standalone_mode=False)
        shown[" ".join([*words, wish])] = said.getvalue()
print(json.dumps(shown))
"""


@dataclass(frozen=True)
class Installed:
    """An installed wheel; commands run in an empty folder, with a home of their own."""

    programs: Path
    home: Path

    def run(self, *words: str | Path, check: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, which must end with this exit code."""
        own = {"PATH": f"{self.programs}:/usr/bin:/bin", "HOME": str(self.home), "FILEINTEL_HOME": str(self.home / "f")}
        done = subprocess.run(
            [self.programs / words[0], *words[1:]],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.home,
            env=own | environment,
            timeout=180,
        )
        assert done.returncode == check, done
        return done


def uv() -> str:
    """The program that made this checkout's environment."""
    own = ROOT / ".uv" / "bin" / "uv"
    found = str(own) if own.exists() else shutil.which("uv")
    if found is None:
        pytest.skip("uv is not installed")
    return found


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    place, home = tmp_path_factory.mktemp("wheel"), short_folder()

    def call(*words: str | Path) -> None:
        done = subprocess.run([uv(), *words], capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stderr

    call("build", "--quiet", "--wheel", "--out-dir", place)
    python = place / "env" / "bin" / "python"
    call("venv", "--quiet", "--python", sys.executable, place / "env")
    call("pip", "sync", "--quiet", "--python", python, "--require-hashes", "requirements.lock")
    call("pip", "install", "--quiet", "--no-deps", "--python", python, *place.glob("*.whl"))
    yield Installed(python.parent, home)
    shutil.rmtree(home, ignore_errors=True)


def test_it_says_its_version(installed: Installed) -> None:
    version = PROJECT["project"]["version"]
    assert installed.run("fileintel", "--version").stdout == f"fileintel {version}\n"
    assert installed.run("python", "-c", "import fileintel; print(fileintel.__version__)").stdout == f"{version}\n"


def test_every_command_and_group_explains_itself_with_h_as_well(installed: Installed) -> None:
    shown = json.loads(installed.run("python", "-c", EVERY_HELP).stdout)
    assert {"-h", "graphrag -h", "graphrag export -h", "graphrag prompts set -h", "up -h"} <= shown.keys()
    for words, text in shown.items():
        assert "Usage: fileintel" in text, words
        assert text == shown[f"{words.removesuffix('-h').removesuffix('--help')}--help"], words


def test_shells_can_complete_its_words(installed: Installed) -> None:
    for shell, sign in (("bash", "complete -o default"), ("zsh", "#compdef fileintel"), ("fish", "complete --command")):
        assert sign in installed.run("fileintel", _FILEINTEL_COMPLETE=f"source_{shell}").stdout
    words = {"COMP_WORDS": "fileintel graphrag ex", "COMP_CWORD": "2"}
    assert installed.run("fileintel", _FILEINTEL_COMPLETE="complete_bash", **words).stdout.split() == ["export"]
    in_bash = ["/bin/bash", "-c", 'fileintel "$0"; exit $?']
    assert "complete -o default" in installed.run(*in_bash, "--show-completion").stdout
    installed.run(*in_bash, "--install-completion")
    assert (installed.home / ".bash_completions" / "fileintel.sh").exists()


def test_it_needs_nothing_of_the_checkout_nor_of_graphrag_to_build_an_index_and_answer(installed: Installed) -> None:
    assert not any(installed.programs.parent.glob("lib/python*/site-packages/graphrag"))
    installed.run("fileintel", "collections", "create", "guide")
    installed.run("fileintel", "documents", "add", "guide", SAMPLES / DOCUMENT)
    built = json.loads(installed.run("fileintel", "graphrag", "index", "guide", "--json").stdout)
    assert built["counts"]["reports"]
    assert installed.run("fileintel", "graphrag", "query", "guide", "What is there to see?").stdout.strip()
    refused = installed.run("fileintel", "graphrag", "export", "guide", "out", "--check", check=2).stderr
    assert refused == f"error: {MISSING}\n"
    assert not (installed.home / "out").exists()
    place = installed.run("python", "-c", "import fileintel; print(fileintel.__file__)").stdout
    assert place.startswith(str(installed.programs.parent))
