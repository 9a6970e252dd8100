"""A run that is interrupted at any moment, by a death or by its database, ends as if nothing had happened."""

import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from fileintel.errors import FileIntelError
from fileintel.runs.index import Indexer
from fileintel.runs.index_request import IndexRequest
from fileintel.runs.submission import submit_index
from fileintel.storage import engine, runs
from fileintel.storage.states import ACTIVE_STATES
from fileintel.workspace import Workspace
from tests.cli.tables import read_tables
from tests.resume.conftest import COLLECTION, LIMIT, Town, open_workspace
from tests.resume.mortal import Death, Fate, Moment, die, go_away
from tests.standin import StandIn

MOMENTS = 6  # drawn from about 35 transactions; all of them take minutes
LATENCY = ("lognormal", 0.02, 1.0)  # seconds; so that answers come one by one
LEFT = """SELECT
    (SELECT count(*) FROM runs WHERE state <> 'succeeded' OR owner IS NOT NULL OR lease_expires_at IS NOT NULL),
    (SELECT count(*) FROM run_stages WHERE done <> total),
    (SELECT count(*) FROM gaps),
    (SELECT count(*) FROM questions_in_flight),
    (SELECT count(*) FROM index_versions WHERE state = 'building'),
    (SELECT count(*) FROM (SELECT run_id FROM index_versions GROUP BY run_id HAVING count(*) > 1) AS twice),
    (SELECT count(*) FROM pg_inherits WHERE inhparent = 'embeddings'::regclass)
        - (SELECT count(*) FROM index_versions)"""
NOTHING = (0, 0, 0, 0, 0, 0, 0)


@pytest.fixture(autouse=True)
def _quiet_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)  # threads of the dead
    monkeypatch.setattr(engine, "PAUSE_SECONDS", 0.02)


def left_behind(url: str) -> tuple[Any, ...]:
    """What there should be nothing of when runs are over."""
    with create_engine(url, poolclass=NullPool).connect() as connection:
        return tuple(connection.execute(text(LEFT)).one())


def live(url: str, model: StandIn, home: Path, run_id: str, at: int, moment: Moment, fate: Callable[[], None]) -> str:
    """A worker takes the run, and meets its fate at a transaction; says what it raised."""
    with open_workspace(url, model, home) as workspace:
        Fate(workspace.database, at, moment, fate)
        try:
            Indexer(workspace).work_on(run_id)
        except (Death, FileIntelError) as error:
            return type(error).__name__
    return ""


def go_on(workspace: Workspace, run_id: str) -> None:
    """What other workers do with a run whose lease runs out."""
    with workspace.database.transaction() as session:
        over = runs.requested_state(session, run_id) not in ACTIVE_STATES
        session.execute(text("UPDATE runs SET lease_expires_at = now() WHERE lease_expires_at IS NOT NULL"))
    assert over or Indexer(workspace).work_on(run_id)


@pytest.fixture
def transactions(town: Town, model_server: StandIn, tmp_path: Path) -> int:
    """How many transactions a run has whose answers are stored."""
    with town.copy(answered=True) as url, open_workspace(url, model_server, tmp_path) as workspace:
        counted = Fate(workspace.database, -1, Moment.BEFORE, die)
        Indexer(workspace).work_on(submit_index(workspace, None, IndexRequest(collection=COLLECTION)).run_id)
        return counted.transactions


@pytest.mark.parametrize("fate", [die, go_away])
def test_a_run_that_only_lacks_its_rows_is_finished_whichever_transaction_goes_wrong(
    town: Town, model_server: StandIn, tmp_path: Path, transactions: int, fate: Callable[[], None]
) -> None:
    drawn = random.Random(fate.__name__)
    with town.copy(answered=True) as url, open_workspace(url, model_server, tmp_path) as workspace:
        for at in sorted(drawn.sample(range(transactions), MOMENTS)):
            moment = drawn.choice([Moment.UNCOMMITTED, Moment.COMMITTED])
            run_id = submit_index(workspace, None, IndexRequest(collection=COLLECTION, force=True)).run_id
            live(url, model_server, tmp_path, run_id, at, moment, fate)
            go_on(workspace, run_id)
            assert left_behind(url) == NOTHING, (at, moment)
            assert read_tables(url, COLLECTION) == town.tables, (at, moment)
    assert model_server.counts().asked.total() == 0


def test_a_worker_that_is_slow_between_any_two_transactions_writes_nothing_after_it_was_replaced(
    town: Town, model_server: StandIn, tmp_path: Path, transactions: int
) -> None:
    drawn, raised = random.Random(1), set()
    with town.copy(answered=True) as url, open_workspace(url, model_server, tmp_path) as workspace:
        for at in sorted(drawn.sample(range(transactions), MOMENTS)):
            run_id = submit_index(workspace, None, IndexRequest(collection=COLLECTION, force=True)).run_id

            def replace(run_id: str = run_id) -> None:  # all of it, while the first one sleeps
                go_on(workspace, run_id)

            raised.add(live(url, model_server, tmp_path, run_id, at, Moment.BEFORE, replace))
            assert left_behind(url) == NOTHING, at
            assert read_tables(url, COLLECTION) == town.tables, at
    assert raised <= {"LeaseLost", ""}, raised
    assert "LeaseLost" in raised


@pytest.mark.parametrize(
    ("at", "moment", "fate"),
    [(15, Moment.UNCOMMITTED, die), (40, Moment.COMMITTED, die), (25, Moment.UNCOMMITTED, go_away)],
)
def test_a_run_that_asks_asks_again_only_what_was_under_way(
    town: Town, model_server: StandIn, tmp_path: Path, at: int, moment: Moment, fate: Callable[[], None]
) -> None:
    model_server.configure(latency=list(LATENCY))
    with town.copy() as url, open_workspace(url, model_server, tmp_path) as workspace:
        run_id = submit_index(workspace, None, IndexRequest(collection=COLLECTION)).run_id
        live(url, model_server, tmp_path, run_id, at, moment, fate)
        model_server.wait_until(lambda stats: stats.in_flight == 0)  # threads cannot be killed, processes can
        go_on(workspace, run_id)
        assert left_behind(url) == NOTHING
        assert read_tables(url, COLLECTION) == town.tables
    stats = model_server.stats()
    again = [one["answered"] - 1 for one in stats.questions.values() if one["purpose"] != "embeddings"]
    assert sum(again) <= (LIMIT if fate is die else 0)
