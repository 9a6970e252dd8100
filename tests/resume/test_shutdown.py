"""SIGTERM to a real worker: the run is handed over at once, with all that the model has answered."""

import signal
from collections.abc import Iterator

import pytest

from fileintel.runs.dispatch import CeleryDispatcher
from fileintel.runs.index import Indexer
from fileintel.runs.index_request import IndexRequest
from fileintel.runs.submission import submit_index
from tests.api.installation import READY, Installation, Process, Redis, remove, wait_for
from tests.cli.tables import read_tables
from tests.conftest import short_folder
from tests.resume.conftest import COLLECTION, LIMIT, SETTINGS, Town, open_workspace
from tests.standin import StandIn


@pytest.fixture
def installation(town: Town, model_server: StandIn) -> Iterator[Installation]:
    """A Redis, a database with documents, and what a worker has to know about both."""
    home = short_folder()
    redis = Redis(home)
    redis.start()
    with town.copy() as url:
        settings = {f"FILEINTEL__{key.upper().replace('.', '__')}": str(value) for key, value in SETTINGS.items()}
        one = Installation(home, redis, DATABASE_URL=url, OPENAI_BASE_URL=model_server.base_url, **settings)
        try:
            yield one
        finally:
            one.stop()
            redis.stop()
    remove(home)


@pytest.mark.parametrize("pool", ["gevent", "prefork"])
def test_a_worker_that_is_asked_to_stop_keeps_what_is_under_way_and_hands_its_run_back(
    installation: Installation, model_server: StandIn, town: Town, pool: str
) -> None:
    from fileintel.celery_config import make_app

    worker: Process = installation.start_worker(pool, 2, "graphrag_indexing")
    worker.wait_for_output(READY)
    url = installation.environment["DATABASE_URL"]
    with open_workspace(url, model_server, installation.home) as workspace:
        app = make_app(installation.redis.url, None)
        model_server.pause(after=10, purpose="describe")
        run_id = submit_index(workspace, CeleryDispatcher(app), IndexRequest(collection=COLLECTION)).run_id
        model_server.wait_until(lambda stats: stats.answered["describe"] >= 10 and stats.in_flight >= LIMIT)
        worker.process.send_signal(signal.SIGTERM)
        worker.wait_for_output("Warm shutdown")
        asked = model_server.counts().asked["describe"]
        model_server.resume()
        wait_for(lambda: worker.process.poll() is not None, "the end of the worker")
        stats = model_server.counts()
        assert stats.asked["describe"] <= asked + LIMIT, "what was under way is awaited, and hardly anything is sent"
        assert installation.redis.messages("graphrag_indexing") == 1, "the next worker is told at once"
        app.close()
        assert Indexer(workspace).work_on(run_id)
        assert read_tables(url, COLLECTION) == town.tables
    assert model_server.stats().repeated == 0
