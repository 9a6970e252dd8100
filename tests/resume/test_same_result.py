"""A law: neither the order in which answers arrive, nor messages that come twice, nor the number of workers change
what comes out, or ask anything twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from fileintel.runs.index import Indexer
from fileintel.runs.index_request import IndexRequest
from fileintel.runs.submission import submit_index
from fileintel.services import graph
from fileintel.workspace import Workspace
from tests.cli.tables import read_tables
from tests.resume.conftest import COLLECTION, Town, open_workspace
from tests.standin import StandIn

MOST_WORKERS = 4
VOLATILE = {"creation_date"}

# for each message the worker that gets it; several messages about one run
deliveries = st.lists(st.integers(0, MOST_WORKERS - 1), min_size=1, max_size=6)


def exported(workspace: Workspace, folder: Path) -> dict[str, object]:
    """The files of an export, but for what is volatile."""
    graph.export(workspace, COLLECTION, folder)
    found = {path.name: parquet.read_table(path) for path in sorted(folder.glob("*.parquet"))}
    return {
        name: table.drop_columns(list(VOLATILE & {*table.column_names})).to_pylist() for name, table in found.items()
    }


@pytest.fixture
def first_export(tmp_path: Path) -> Callable[[Workspace], None]:
    """Compares each export with the first one."""
    seen: list[dict[str, object]] = []

    def compare(workspace: Workspace) -> None:
        seen.append(exported(workspace, tmp_path / f"export-{len(seen)}"))
        assert seen[-1] == seen[0]

    return compare


@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(messages=deliveries, arrival=st.integers(0, 1000), spread=st.sampled_from([0.2, 1.0, 2.0]))
def test_the_index_is_the_same_whoever_builds_it_and_in_whatever_order_answers_come(
    town: Town,
    model_server: StandIn,
    tmp_path: Path,
    first_export: Callable[[Workspace], None],
    messages: list[int],
    arrival: int,
    spread: float,
) -> None:
    model_server.configure(latency=["lognormal", 0.01, spread], seed=arrival)
    model_server.reset()
    with town.copy() as url, open_workspace(url, model_server, tmp_path) as workspace:
        run_id = submit_index(workspace, None, IndexRequest(collection=COLLECTION)).run_id

        def serve(worker: int) -> list[bool]:
            """All messages of one worker, one after the other, as they are delivered."""
            with open_workspace(url, model_server, tmp_path) as own:
                return [Indexer(own).work_on(run_id) for to in messages if to == worker]

        with ThreadPoolExecutor(MOST_WORKERS) as pool:
            did = [one for done in pool.map(serve, sorted(set(messages))) for one in done]
        assert sorted(did) == [False] * (len(messages) - 1) + [True], "one of them works, the others leave"
        assert read_tables(url, COLLECTION) == town.tables
        first_export(workspace)
    stats = model_server.stats()
    assert {question["asked"] for question in stats.questions.values()} == {1}
    assert stats.answered["extract"] > 0
