"""A disk that is full: waited for, handed to the next attempt, and in the end the reason why a run has failed."""

from pathlib import Path

import pytest
from sqlalchemy import text

from fileintel.errors import DatabaseUnavailable
from fileintel.runs.index import Indexer
from fileintel.runs.index_request import IndexRequest
from fileintel.runs.outcome import MOST_ATTEMPTS
from fileintel.runs.submission import submit_index
from fileintel.storage import engine, runs
from fileintel.workspace import Workspace
from tests.cli.tables import read_tables
from tests.resume.conftest import COLLECTION, LIMIT, Town, open_workspace
from tests.standin import StandIn

# as PostgreSQL says it, for the table that grows most
FILL = """
CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'could not extend file "base/5/1": No space left on device' USING ERRCODE = '53100';
END $$;
CREATE TRIGGER no_space BEFORE INSERT ON answers EXECUTE FUNCTION no_space();
"""


def change(workspace: Workspace, statements: str) -> None:
    with workspace.database.transaction() as session:
        session.execute(text(statements))


def test_a_full_disk_is_waited_for_then_named_and_the_next_run_goes_on(
    town: Town, model_server: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PAUSE_SECONDS", 0.02)
    with town.copy() as url, open_workspace(url, model_server, tmp_path, storage__patience=0.2) as workspace:
        run_id = submit_index(workspace, None, IndexRequest(collection=COLLECTION)).run_id
        change(workspace, FILL)
        for attempt in range(1, MOST_ATTEMPTS + 1):
            with pytest.raises(DatabaseUnavailable, match="its disk is full"):
                Indexer(workspace).work_on(run_id)
            with workspace.database.transaction() as session:
                run = runs.find(session, run_id)
                assert run.state == ("queued" if attempt < MOST_ATTEMPTS else "failed")
                assert run.lease_expires_at is None
        assert run.error is not None
        assert "its disk is full: free space there" in run.error
        asked = model_server.counts().asked.total()
        assert asked <= MOST_ATTEMPTS * LIMIT, "nothing more is asked while answers cannot be kept"
        change(workspace, "DROP TRIGGER no_space ON answers")
        assert Indexer(workspace).work_on(submit_index(workspace, None, IndexRequest(collection=COLLECTION)).run_id)
        assert read_tables(url, COLLECTION) == town.tables
