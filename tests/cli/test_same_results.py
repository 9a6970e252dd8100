"""The same documents and answers make the same tables, on any machine and in any order of arrival."""

import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pyarrow import parquet

from tests.conftest import SAMPLES, CommandLine, short_folder
from tests.standin import StandIn

from .conftest import COLLECTION, DOCUMENTS, Town, environment
from .tables import read_tables

OF_ITS_TIME = {"period", "creation_date"}


def test_the_order_in_which_answers_come_changes_nothing(
    prepared: CommandLine, model_server: StandIn, town: Town
) -> None:
    model_server.configure(latency=("lognormal", 0.03, 1.5), seed=7)
    prepared("graphrag", "index", COLLECTION, "-q")
    assert read_tables(prepared.environment["DATABASE_URL"]) == town.tables


def test_two_bare_machines_get_the_same_index_and_asking_again_asks_nothing() -> None:
    first, second = short_folder(), short_folder()
    try:
        with ThreadPoolExecutor(2) as pool:
            here, there = pool.map(_built, (first, second), (DOCUMENTS, reversed(DOCUMENTS)))
        assert here == there
        again = CommandLine(environment(first))("graphrag", "index", COLLECTION).out
        assert "nothing was asked" in again
        assert "model          built-in extractive, no language model" in again
    finally:
        shutil.rmtree(first, ignore_errors=True)
        shutil.rmtree(second, ignore_errors=True)


def _built(home: Path, documents: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    fileintel = CommandLine(environment(home))
    fileintel("collections", "create", COLLECTION)
    fileintel("documents", "add", COLLECTION, *(SAMPLES / name for name in documents))
    built = fileintel("graphrag", "index", COLLECTION, "--json").json
    assert built["model"] == "built-in extractive, no language model"
    written = fileintel("graphrag", "export", COLLECTION, home / "tables", "--check", "--json").json
    assert written["check"]["problems"] == []
    assert written["check"]["tables"]["entities"] == written["rows"]["entities.parquet"]
    tables = {path.name: parquet.read_table(path) for path in sorted((home / "tables").glob("*.parquet"))}
    rows = {name: table.drop_columns(list(OF_ITS_TIME & {*table.column_names})) for name, table in tables.items()}
    assert len(rows["entities.parquet"]) == built["counts"]["entities"]
    return {name: table.to_pylist() for name, table in rows.items()}
