"""On a bare machine: the database of one's own is killed, alone or with the command that uses it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from fileintel.config import load_settings
from fileintel.local.postgres import EmbeddedPostgres
from fileintel.runs.index import Indexer, IndexRequest
from fileintel.workspace import Workspace
from tests.chaos import documents
from tests.cli.conftest import environment
from tests.cli.tables import read_tables
from tests.conftest import CommandLine, short_folder
from tests.local.processes import kill, postmaster, wait_until_stopped
from tests.resume.conftest import COLLECTION, LIMIT, SETTINGS, Town
from tests.resume.mortal import Fate, Moment
from tests.standin import StandIn

INDEX = ("graphrag", "index", COLLECTION, "--json", "-q")


@pytest.fixture
def bare(model_server: StandIn, tmp_path: Path) -> Iterator[CommandLine]:
    """The command line with nothing but a home; the collection has its documents."""
    home = short_folder()
    settings = {f"FILEINTEL__{key.upper().replace('.', '__')}": str(value) for key, value in SETTINGS.items()}
    fileintel = CommandLine(environment(home, OPENAI_BASE_URL=model_server.base_url, **settings))
    for name, content in documents.write(1, 3, 2).items():
        (tmp_path / name).write_text(content)
    fileintel("collections", "create", COLLECTION)
    fileintel("documents", "add", COLLECTION, *sorted(tmp_path.glob("*.md")))
    yield fileintel
    wait_until_stopped(home)
    shutil.rmtree(home)


def test_a_killed_database_is_started_again_and_after_a_power_cut_one_command_goes_on(
    bare: CommandLine, model_server: StandIn, town: Town
) -> None:
    home = Path(bare.environment["FILEINTEL_HOME"])
    model_server.reset()

    model_server.pause(after=5, purpose="describe")
    running = bare.start(*INDEX)
    model_server.wait_until(lambda stats: stats.answered["describe"] >= 5 and stats.in_flight >= LIMIT)
    kill(postmaster(home))  # the command starts another one
    model_server.resume()
    model_server.pause(after=5, purpose="report")
    model_server.wait_until(lambda stats: stats.answered["report"] >= 5 and stats.in_flight > 0)
    assert all(one["answered"] <= 1 for one in model_server.stats().questions.values())
    running.kill()
    kill(postmaster(home))
    running.communicate()
    model_server.wait_until(lambda stats: stats.in_flight == 0)
    model_server.resume()
    bare(*INDEX)
    again = [one["answered"] - 1 for one in model_server.stats().questions.values()]
    assert sum(again) <= LIMIT
    database = EmbeddedPostgres(home)
    assert read_tables(database.join(), COLLECTION) == town.tables
    database.leave()


def test_a_killed_built_in_model_server_is_started_again_and_the_run_goes_on(town: Town, tmp_path: Path) -> None:
    settings = {**SETTINGS, "llm.model": None, "llm.base_url": "builtin", "embedding.model": None}
    with town.copy() as url:
        own = {"home": str(tmp_path), "storage.url": url}
        with Workspace(load_settings({**settings, **own}, environ={})) as workspace:
            workspace.check_models()
            assert workspace._builtin is not None
            first = workspace._builtin.pid
            assert first is not None
            Fate(workspace.database, 12, Moment.BEFORE, lambda: kill(first))
            assert Indexer(workspace).index(IndexRequest(collection=COLLECTION))
            assert workspace._builtin.pid != first
            gaps = workspace.database.retrying(lambda s: s.execute(text("SELECT count(*) FROM gaps")).scalar_one())
    assert gaps == 0
