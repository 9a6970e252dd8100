"""Runs and versions to test with."""

from collections.abc import Callable
from typing import Any

import pytest

from fileintel.storage import collections, runs, versions
from fileintel.storage.engine import Database
from fileintel.storage.runs import Lease


@pytest.fixture
def lease(database: Database) -> Lease:
    """The lease of a running run, on a collection of its own."""
    return make_lease(database, "collection")


def make_lease(database: Database, collection_name: str) -> Lease:
    """A new run on a collection, which is made if there is none of that name, and its lease."""
    with database.transaction() as session:
        names = {summary.name: summary.id for summary in collections.summaries(session)}
        identity = names.get(collection_name) or collections.create(session, collection_name).id
        run = runs.create(session, identity)
        held = runs.acquire(session, run.id, "a worker")
    assert held is not None
    return held


def collection_of(database: Database, lease: Lease) -> str:
    """The id of the run's collection."""
    with database.transaction() as session:
        return runs.find(session, lease.run_id).collection_id


@pytest.fixture
def begin(database: Database) -> Callable[..., str]:
    """Begins a version under a lease; returns its id."""

    def begin_version(lease: Lease, size: int = 3, **values: Any) -> str:
        with database.transaction() as session:
            collection_id = runs.find(session, lease.run_id).collection_id
            values = {"fingerprint": "f", "embedding_model": "m", "embedding_size": size, **values}
            return versions.begin(session, lease, collection_id, **values).id

    return begin_version
