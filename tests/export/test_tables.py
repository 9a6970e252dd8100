"""The tables have upstream's columns and types, and every row of the version."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from graphrag.data_model import schemas

from fileintel.graphrag.export import FILES, columns, documents, export_index
from fileintel.graphrag.stages import embed
from fileintel.storage import batches, index_tables
from fileintel.storage.engine import Database
from fileintel.storage.models import IndexVersion
from tests.export.example import DIMENSIONS, PAGE, TITLES, Example, example, publish, vectors

UPSTREAM = {
    "documents": schemas.DOCUMENTS_FINAL_COLUMNS,
    "text_units": schemas.TEXT_UNITS_FINAL_COLUMNS,
    "entities": schemas.ENTITIES_FINAL_COLUMNS,
    "relationships": schemas.RELATIONSHIPS_FINAL_COLUMNS,
    "communities": schemas.COMMUNITIES_FINAL_COLUMNS,
    "community_reports": schemas.COMMUNITY_REPORTS_FINAL_COLUMNS,
    "covariates": schemas.COVARIATES_FINAL_COLUMNS,
}


GREEN_EXPORT = """
from fileintel.runtime import go_green, is_green
go_green()
import sys
from pathlib import Path
from fileintel.graphrag.export import export_index
from fileintel.storage.engine import Database
from fileintel.storage.models import IndexVersion
assert is_green()
database = Database(sys.argv[1])
with database.transaction() as session:
    version = session.get_one(IndexVersion, sys.argv[2])
export_index(database, version, Path(sys.argv[3]))
"""


def read(folder: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a table."""
    rows: list[dict[str, Any]] = pq.read_table(folder / f"{name}.parquet").to_pylist()
    return rows


def test_our_columns_are_upstreams_in_upstreams_order() -> None:
    assert {name: schema.names for name, schema in columns.TABLES.items()} == UPSTREAM


def test_the_sets_of_vectors_are_those_of_the_index() -> None:
    assert columns.EMBEDDED == embed.KINDS


@pytest.mark.parametrize("name", UPSTREAM)
def test_a_table_has_its_columns_and_is_in_order_of_human_readable_id(exported: Path, name: str) -> None:
    table = pq.read_table(exported / f"{name}.parquet")
    assert table.schema.names == UPSTREAM[name]
    numbers = table["human_readable_id"].to_pylist()
    assert numbers
    assert numbers == sorted(numbers)
    assert all(table[column].null_count == 0 for column in table.schema.names)


def test_the_folder_holds_all_files_and_nothing_else(exported: Path) -> None:
    assert {path.name for path in exported.iterdir()} == FILES


def test_rows_are_counted_and_told_file_by_file(database: Database, version: IndexVersion, tmp_path: Path) -> None:
    told: dict[str, int] = {}
    rows = export_index(database, version, tmp_path / "there", on_table=told.__setitem__)
    assert told == rows
    assert set(rows) == FILES
    assert rows["entities.parquet"] == len(TITLES) + 1


def test_without_claims_there_is_no_table_of_covariates(database: Database, tmp_path: Path) -> None:
    version = publish(database, example("no claims", claims=False))
    rows = export_index(database, version, tmp_path / "there")
    assert "covariates.parquet" not in rows
    assert not (tmp_path / "there" / "covariates.parquet").exists()
    assert all(row["covariate_ids"] == [] for row in read(tmp_path / "there", "text_units"))


def test_text_units_list_what_was_found_in_them(exported: Path, made: Example) -> None:
    for row, unit in zip(read(exported, "text_units"), made.units, strict=True):
        assert (row["id"], row["text"], row["document_id"]) == (unit.id, unit.text, unit.document_id)
        assert row["entity_ids"] == [e.id for e in made.graph.entities.values() if unit.number in e.text_units]
        links = made.graph.relationships.values()
        assert row["relationship_ids"] == [link.id for link in links if unit.number in link.text_units]
        assert row["covariate_ids"] == [claim.id for claim in made.claims if claim.text_unit == unit.number]


def test_documents_list_their_text_units_and_their_file_with_its_pages(exported: Path, made: Example) -> None:
    for row, name in zip(read(exported, "documents"), made.texts, strict=True):
        assert row["text_unit_ids"] == [u.id for u in made.units if u.document_id == row["id"]]
        file, text = row["raw_data"], made.texts[name]
        assert (file["name"], file["media_type"], file["size"]) == (name, "text/plain", len(text.encode()))
        assert [page["characters"] for page in file["pages"]] == [
            len(text[start : start + PAGE]) for start in range(0, len(text), PAGE)
        ]
        assert row["creation_date"] == f"2026-01-{1 + len(name):02} 12:30:00 +0000"


def test_communities_and_reports_are_numbered_as_upstream_numbers_them(exported: Path, made: Example) -> None:
    communities, reports = read(exported, "communities"), read(exported, "community_reports")
    assert [row["human_readable_id"] for row in communities] == sorted(c.number for c in made.communities)
    assert [row["human_readable_id"] for row in reports] == sorted(made.reports)
    assert all(row["human_readable_id"] == row["community"] for row in (*communities, *reports))
    for row in reports:
        report = made.reports[row["community"]]
        assert row["rank"] == report.rating
        assert row["findings"] == [{"explanation": f.explanation, "summary": f.summary} for f in report.findings]


@pytest.mark.parametrize(
    ("kind", "table"),
    [(embed.TEXT_UNITS, "text_units"), (embed.ENTITIES, "entities"), (embed.REPORTS, "community_reports")],
)
def test_every_vector_is_there_to_the_last_bit(exported: Path, made: Example, kind: str, table: str) -> None:
    rows = pq.read_table(exported / f"embeddings.{kind}.parquet")
    assert rows["id"].to_pylist() == sorted(row["id"] for row in read(exported, table))
    expected = vectors(made)
    for identity, vector in zip(rows["id"].to_pylist(), rows["embedding"], strict=True):
        assert len(vector) == DIMENSIONS
        assert vector.values.to_numpy().tobytes() == expected[kind, identity]


def test_the_size_of_batches_does_not_show(
    database: Database, version: IndexVersion, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in (
        (index_tables, "BATCH_ROWS"),
        (index_tables, "COMMUNITIES_PER_BATCH"),
        (index_tables, "MEMBERS_PER_BATCH"),
        (batches, "SMALLEST_WINDOW"),
        (batches, "MOST_WINDOWS"),
        (batches, "ROWS_AT_ONCE"),
        (index_tables, "VECTORS_PER_BATCH"),
        (documents, "DOCUMENTS_PER_BATCH"),
        (index_tables, "DOCUMENTS_PER_BATCH"),
        (index_tables, "UNITS_PER_BATCH"),
    ):
        monkeypatch.setattr(module, name, 5 if name == "SMALLEST_WINDOW" else 2)
    export_index(database, version, tmp_path / "small")
    for name in FILES - {"graph.graphml"}:
        assert pq.read_table(tmp_path / "small" / name).equals(pq.read_table(exported / name)), name
    assert (tmp_path / "small" / "graph.graphml").read_bytes() == (exported / "graph.graphml").read_bytes()


def test_two_exports_of_a_version_are_the_same_bytes(
    database: Database, version: IndexVersion, exported: Path, tmp_path: Path
) -> None:
    export_index(database, version, tmp_path / "again")
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (exported / name).read_bytes(), name


def test_greenlets_write_the_same_files(
    database: Database, version: IndexVersion, exported: Path, tmp_path: Path
) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    arguments = [sys.executable, "-c", GREEN_EXPORT, url, version.id, str(tmp_path / "green")]
    subprocess.run(arguments, check=True, timeout=60)
    for name in FILES:
        assert (tmp_path / "green" / name).read_bytes() == (exported / name).read_bytes(), name
