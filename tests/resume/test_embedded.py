"""On a bare machine: the database of one's own is killed, alone or with the command that uses it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fileintel.embedded.postgres import EmbeddedPostgres
from tests.chaos import documents
from tests.cli.conftest import environment
from tests.cli.tables import read_tables
from tests.conftest import CommandLine, short_folder
from tests.embedded.processes import kill, postmaster, wait_until_stopped
from tests.resume.conftest import COLLECTION, LIMIT, Town
from tests.standin import StandIn

INDEX = ("graphrag", "index", COLLECTION, "--json", "-q")


@pytest.fixture
def bare(model_server: StandIn, tmp_path: Path) -> Iterator[CommandLine]:
    """The command line with nothing but a home; the collection has its documents."""
    home = short_folder()
    settings = {
        "OPENAI_BASE_URL": model_server.base_url,
        "FILEINTEL__LLM__MODEL": "standin",
        "FILEINTEL__EMBEDDING__MODEL": "standin",
        "FILEINTEL__EMBEDDING__BATCH_SIZE": "8",
        "FILEINTEL__CHUNKING__SIZE": "120",
        "FILEINTEL__CHUNKING__OVERLAP": "20",
        "FILEINTEL__GRAPHRAG__CONCURRENCY": str(LIMIT),
    }
    fileintel = CommandLine(environment(home, **settings))
    for name, content in documents.write(1, 3, 2).items():
        (tmp_path / name).write_text(content)
    fileintel("collections", "create", COLLECTION)
    fileintel("documents", "add", COLLECTION, *sorted(tmp_path.glob("*.md")))
    yield fileintel
    wait_until_stopped(home)
    shutil.rmtree(home)


@pytest.mark.parametrize("command_too", [False, True])
def test_a_killed_database_is_started_again_and_the_run_goes_on(
    bare: CommandLine, model_server: StandIn, town: Town, command_too: bool
) -> None:
    home = Path(bare.environment["FILEINTEL_HOME"])
    model_server.reset()
    model_server.pause(after=10, purpose="describe")
    running = bare.start(*INDEX)
    model_server.wait_until(lambda stats: stats.answered["describe"] >= 10 and stats.in_flight >= LIMIT)
    kill(postmaster(home))
    if command_too:
        running.kill()
        running.communicate()
        model_server.wait_until(lambda stats: stats.in_flight == 0)
        model_server.resume()
        bare(*INDEX)
    else:
        model_server.resume()
        out, err = running.communicate(timeout=60)
        assert running.returncode == 0, (out, err)
    again = [one["answered"] - 1 for one in model_server.stats().questions.values()]
    assert sum(again) <= (LIMIT if command_too else 0)
    database = EmbeddedPostgres(home)
    assert read_tables(database.join(), COLLECTION) == town.tables
    database.leave()
