"""A run that is interrupted at any moment, by a death or by its database, ends as if nothing had happened."""

import contextlib
import random
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from fileintel.errors import FileIntelError
from fileintel.services.indexing import Indexer
from fileintel.services.tasks import submit_index
from fileintel.services.workspace import Workspace
from fileintel.storage import engine, runs
from fileintel.storage.states import ACTIVE_STATES
from tests.cli.tables import read_tables
from tests.resume.conftest import COLLECTION, LIMIT, Town, open_workspace
from tests.resume.mortal import Death, Fate
from tests.standin import StandIn

MOMENTS = 8  # drawn from about 35 transactions; all of them take minutes
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


def live(url: str, model: StandIn, home: Path, run_id: str, fate: tuple[int, bool, bool]) -> None:
    """A worker takes the run, and meets its fate at a transaction, before or after its commit: it dies, or only gets
    no answer."""
    at, committed, deadly = fate
    with open_workspace(url, model, home) as workspace:
        Fate(workspace.database, at, committed=committed, deadly=deadly)
        with contextlib.suppress(Death, FileIntelError):
            Indexer(workspace).work_on(run_id)


def go_on(workspace: Workspace, run_id: str) -> None:
    """What other workers do with a run whose lease runs out."""
    with workspace.database.transaction() as session:
        over = runs.requested_state(session, run_id) not in ACTIVE_STATES
        session.execute(text("UPDATE runs SET lease_expires_at = now() WHERE lease_expires_at IS NOT NULL"))
    assert over or Indexer(workspace).work_on(run_id)


@pytest.mark.parametrize("deadly", [True, False])
def test_a_run_that_only_lacks_its_rows_is_finished_whichever_transaction_goes_wrong(
    town: Town, model_server: StandIn, tmp_path: Path, deadly: bool
) -> None:
    with town.copy(answered=True) as url, open_workspace(url, model_server, tmp_path) as workspace:
        counted = Fate(workspace.database, -1, committed=False, deadly=False)
        Indexer(workspace).work_on(submit_index(workspace, None, COLLECTION).run_id)
        drawn = random.Random(deadly)
        for at in sorted(drawn.sample(range(counted.transactions), MOMENTS)):
            fate = at, drawn.random() < 0.5, deadly
            run_id = submit_index(workspace, None, COLLECTION, force=True).run_id
            live(url, model_server, tmp_path, run_id, fate)
            go_on(workspace, run_id)
            assert left_behind(url) == NOTHING, fate
            assert read_tables(url, COLLECTION) == town.tables, fate
    assert model_server.counts().asked.total() == 0


@pytest.mark.parametrize("fate", [(15, False, True), (40, True, True), (25, False, False)])
def test_a_run_that_asks_asks_again_only_what_was_under_way(
    town: Town, model_server: StandIn, tmp_path: Path, fate: tuple[int, bool, bool]
) -> None:
    model_server.configure(latency=list(LATENCY))
    with town.copy() as url, open_workspace(url, model_server, tmp_path) as workspace:
        run_id = submit_index(workspace, None, COLLECTION).run_id
        live(url, model_server, tmp_path, run_id, fate)
        model_server.wait_until(lambda stats: stats.in_flight == 0)  # threads cannot be killed, processes can
        go_on(workspace, run_id)
        assert left_behind(url) == NOTHING
        assert read_tables(url, COLLECTION) == town.tables
    stats = model_server.stats()
    again = [one["answered"] - 1 for one in stats.questions.values() if one["purpose"] != "embeddings"]
    assert sum(again) <= (LIMIT if fate[2] else 0)
