"""Index folders as older versions of graphrag wrote them, made from present ones."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Rows = list[dict[str, Any]]
TABLES = ("documents", "text_units", "entities", "relationships", "communities", "community_reports", "covariates")


def read(folder: Path, name: str) -> Rows:
    """The rows of a table."""
    rows: Rows = pq.read_table(folder / f"{name}.parquet").to_pylist()
    return rows


def write(folder: Path, name: str, rows: Rows) -> None:
    """A table with these rows, its texts as pandas 3 writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows)
    large = [pa.field(f.name, pa.large_string()) if f.type == pa.string() else f for f in table.schema]
    pq.write_table(table.cast(pa.schema(large)), folder / f"{name}.parquet")


def changed(folder: Path, into: Path, changes: Mapping[str, Callable[[Rows], Rows]], prefix: str = "") -> Path:
    """A copy of a folder with these tables changed."""
    for name in filter(lambda name: (folder / f"{name}.parquet").exists(), TABLES):
        write(into, f"{prefix}{name}", changes.get(name, lambda rows: rows)(read(folder, name)))
    return into


def without(*columns: str) -> Callable[[Rows], Rows]:
    """Takes columns out."""
    return lambda rows: [{name: value for name, value in row.items() if name not in columns} for row in rows]


def renamed(**names: str) -> Callable[[Rows], Rows]:
    """Gives columns their old names."""
    return lambda rows: [{names.get(name, name): value for name, value in row.items()} for row in rows]


def _document_lists(rows: Rows) -> Rows:
    return [{**without("document_id")([row])[0], "document_ids": [row["document_id"]]} for row in rows]


def second_version(folder: Path, into: Path) -> Path:
    """As 2.x: text units with a list of documents, documents with metadata, entities with coordinates."""
    return changed(
        folder,
        into,
        {
            "text_units": _document_lists,
            "documents": renamed(raw_data="metadata"),
            "entities": lambda rows: [{**row, "x": 0.0, "y": 0.0} for row in rows],
        },
    )


def first_version(folder: Path, into: Path) -> Path:
    """As 1.x: other file names, no degrees of entities, no children, texts of lists."""
    return changed(
        folder,
        into,
        {
            "text_units": _document_lists,
            "entities": without("degree", "frequency"),
            "communities": without("children"),
            "community_reports": without("children", "findings"),
        },
        "create_final_",
    )


def before_the_first(folder: Path, into: Path) -> Path:
    """As 0.x: other column names, communities without members and parents, hashes for ids, numbers as text."""

    def old_communities(rows: Rows) -> Rows:
        rows = without("entity_ids", "children", "parent", "period", "size")(rows)
        return [{**without("community")([row])[0], "id": str(row["community"])} for row in rows]

    titles = {row["id"]: row["title"] for row in read(folder, "entities")}
    nodes = [
        {"title": titles[identity], "community": str(community["community"]), "level": community["level"]}
        for community in read(folder, "communities")
        for identity in community["entity_ids"]
    ]
    write(into, "create_final_nodes", nodes)
    return changed(
        folder,
        into,
        {
            "documents": lambda rows: renamed(text="raw_content")(without("human_readable_id")(rows)),
            "text_units": lambda rows: without("human_readable_id")(_document_lists(rows)),
            "entities": lambda rows: renamed(title="name")(without("degree", "frequency")(rows)),
            "relationships": lambda rows: [
                {**row, "human_readable_id": str(row["human_readable_id"])}
                for row in renamed(combined_degree="rank")(rows)
            ],
            "communities": old_communities,
            "community_reports": lambda rows: [
                {**row, "community": str(row["community"]), "rank_explanation": row["rating_explanation"]}
                for row in without("parent", "children")(rows)
            ],
        },
        "create_final_",
    )
