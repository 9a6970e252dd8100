"""The recipes of docs/development.md touch few files, and what they add is there for every caller of the program.

The blocks of the page are applied to a copy of the source, which is then used like the program: with the command line
on an embedded PostgreSQL, through the application of the HTTP service, and through the Celery task.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.recipes import GOALS, changes, recipes
from tests.architecture.source import ROOT

TEXT = """#+TITLE: The lighthouse
Mary Osborne kept the lighthouse of Kestervag. Mary Osborne wrote to John Field about the lighthouse of Kestervag.
John Field built the harbour of Kestervag, and Mary Osborne opened the harbour.
"""
TELL = """
import inspect, json
from fileintel.api.application import create_app
from fileintel.api.backend import Backend
from fileintel.config import load_settings
from fileintel.tasks.graphrag import build_graphrag_index_task

document = create_app(Backend(load_settings(environ={}))).openapi()
print(json.dumps({
    "operations": [route["operationId"] for path in document["paths"].values() for route in path.values()],
    "text": json.dumps(document),
    "task": list(inspect.signature(build_graphrag_index_task.run).parameters),
}))
"""
PARAMETERS = """
import json, sys
from fileintel.config import load_settings
from fileintel.storage import runs
from fileintel.workspace import Workspace

with Workspace(load_settings()) as workspace, workspace.database.transaction() as session:
    print(json.dumps(runs.find(session, sys.argv[1]).parameters))
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_each_recipe_is_on_the_page() -> None:
    assert list(recipes()) == list(GOALS)


def test_no_recipe_touches_more_files_than_it_may() -> None:
    touched = {name: len(files) for name, files in recipes().items()}

    assert all(touched.values())
    assert {name: count for name, count in touched.items() if count > GOALS[name]} == {}


def test_each_example_stays_within_the_files_of_its_recipe() -> None:
    for name, found in changes().items():
        allowed = [re.escape(file).replace("NAME", r"\w+") for file in recipes()[name]]
        for change in found:
            assert any(re.fullmatch(file, change.path) for file in allowed), (name, change.path)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source to which every recipe of the page was applied."""
    root = tmp_path_factory.mktemp("recipes") / "copy"
    for folder in ("src", "config", "prompts"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for found in changes().values():
        for change in found:
            change.apply(root)
    return root


@pytest.fixture(scope="module")
def python(copy: Path) -> Run:
    """Runs Python with the copy in the place of the program."""
    home = copy.parent / "home"
    environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environment |= {"HOME": str(home), "FILEINTEL_HOME": str(home), "PYTHONPATH": str(copy / "src"), "COLUMNS": "200"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-P", *arguments],
            env=environment,
            cwd=copy.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done

    home.mkdir()
    return run


@pytest.fixture(scope="module")
def fileintel(python: Run) -> Run:
    return lambda *arguments: python("-m", "fileintel", *arguments)


@pytest.fixture(scope="module")
def told(python: Run) -> Any:
    """What the application of the HTTP service and the Celery task know."""
    return json.loads(python("-c", TELL).stdout)


@pytest.fixture(scope="module")
def indexed(fileintel: Run, copy: Path) -> Any:
    """The status of a collection of one Org file that was indexed with a setting and an option of the recipes."""
    (copy.parent / "lighthouse.org").write_text(TEXT, encoding="utf-8")
    fileintel("collections", "create", "thesis")
    fileintel("documents", "add", "thesis", "lighthouse.org")
    fileintel("--set", "graphrag.slogan_words=7", "graphrag", "index", "thesis", "--note", "a try", "--quiet")
    return json.loads(fileintel("graphrag", "status", "thesis", "--json").stdout)


def test_a_format_is_read(indexed: Any, fileintel: Run) -> None:
    (document,) = json.loads(fileintel("documents", "list", "thesis", "--json").stdout)

    assert (document["media_type"], document["title"]) == ("text/org", "The lighthouse")


def test_a_setting_is_shown_with_its_default(fileintel: Run) -> None:
    assert re.search(r"graphrag\.slogan_words\W+12\b", fileintel("config", "show").stdout)


def test_a_stage_is_asked_counted_and_rebuilt_from(indexed: Any, fileintel: Run) -> None:
    stages = {stage["name"]: stage for stage in indexed["stages"]}
    assert list(stages).index("slogan") == list(stages).index("report") + 1
    assert stages["slogan"]["done"] == stages["report"]["done"] > 0
    assert stages["slogan"]["failed"] == 0

    fileintel("graphrag", "rebuild", "thesis", "--from", "slogan", "--quiet")
    again = json.loads(fileintel("graphrag", "status", "thesis", "--json").stdout)
    cached = {stage["name"]: stage["cached"] for stage in again["stages"]}
    assert (cached["slogan"], cached["report"]) == (0, stages["report"]["done"])


def test_a_prompt_is_listed(indexed: Any, fileintel: Run) -> None:
    listed = json.loads(fileintel("graphrag", "prompts", "list", "thesis", "--json").stdout)

    assert "slogan.txt" in json.dumps(listed)


def test_a_mode_answers_and_is_listed_wherever_modes_are(indexed: Any, fileintel: Run, told: Any) -> None:
    answered = fileintel("graphrag", "query", "thesis", "Who kept the lighthouse?", "--mode", "nearest", "--json")

    assert json.loads(answered.stdout)["mode"] == "nearest"
    assert "from the one nearest text unit" in fileintel("graphrag", "query", "--help").stdout
    assert "nearest: from the one nearest text unit" in told["text"]


def test_a_command_works_and_is_a_route(indexed: Any, fileintel: Run, told: Any) -> None:
    shown = json.loads(fileintel("graphrag", "pulse", "thesis", "--json").stdout)

    assert shown["entities"] > 0
    assert "show_pulse" in told["operations"]


def test_an_option_reaches_the_run_the_route_and_the_task(indexed: Any, python: Run, told: Any) -> None:
    parameters = json.loads(python("-c", PARAMETERS, indexed["run_id"]).stdout)

    assert parameters["note"] == "a try"
    assert "Why the index is built." in told["text"]
    assert "note" in told["task"]
