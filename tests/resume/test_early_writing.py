"""The graph is written while the last reports are awaited; nothing of it is left when the run rests instead."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from fileintel.fanout.stop_requests import Paused
from fileintel.runs.index import Indexer
from fileintel.runs.index_request import IndexRequest
from fileintel.runs.submission import submit_index
from tests import doing
from tests.cli.tables import read_tables
from tests.resume.conftest import COLLECTION, Town, open_workspace
from tests.standin import StandIn

PATIENCE = 60.0  # seconds
NEVER = 1000  # more reports than there are
WRITTEN = """SELECT count(*) FROM relationships
    WHERE version_id IN (SELECT id FROM index_versions WHERE state = 'building')"""
LEFT = """SELECT (SELECT count(*) FROM index_versions) + (SELECT count(*) FROM relationships)
    + (SELECT count(*) FROM pg_inherits WHERE inhparent = 'embeddings'::regclass)"""


def test_the_graph_is_written_before_a_report_is_there_and_is_gone_when_the_run_is_paused(
    town: Town, model_server: StandIn, tmp_path: Path
) -> None:
    model_server.gather(NEVER, "report")
    with (
        town.copy() as url,
        open_workspace(url, model_server, tmp_path) as person,
        open_workspace(url, model_server, tmp_path) as worker,
        ThreadPoolExecutor(1) as thread,
    ):
        run_id = submit_index(person, None, IndexRequest(collection=COLLECTION)).run_id
        work = thread.submit(Indexer(worker).work_on, run_id)
        try:
            give_up = time.monotonic() + PATIENCE
            while count(url, WRITTEN) < len(town.tables["relationships"]):
                assert not work.done()
                assert time.monotonic() < give_up
                time.sleep(0.05)
            assert model_server.counts().answered["report"] == 0
            doing.pause_run(person, run_id)
        finally:
            model_server.resume()
        with pytest.raises(Paused):
            work.result(PATIENCE)
        assert count(url, LEFT) == 0
        doing.resume_run(person, None, run_id)
        assert Indexer(worker).work_on(run_id)
        assert read_tables(url, COLLECTION) == town.tables


def count(url: str, statement: str) -> int:
    with create_engine(url, poolclass=NullPool).connect() as connection:
        return int(connection.execute(text(statement)).scalar_one())
