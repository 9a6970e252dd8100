"""Reads an exported folder with `graphrag`'s own readers: `python -m fileintel.graphrag.export.read_back FOLDER`.

A process of its own, because `graphrag` takes seconds to import and runs an event loop. Prints JSON: `graphrag` (its
version), `tables` (the rows of each), `embeddings` (of each set, `vectors` and `size`), `problems` (sentences).
"""

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from graphrag.data_model import schemas
from graphrag.data_model.data_reader import DataReader
from graphrag.query import indexer_adapters as adapters
from graphrag_storage.file_storage import FileStorage
from graphrag_storage.tables.parquet_table_provider import ParquetTableProvider
from pyarrow.compute import list_value_length

from fileintel.graphrag.export.columns import EMBEDDED

COLUMNS: dict[str, list[str]] = {
    "documents": schemas.DOCUMENTS_FINAL_COLUMNS,
    "text_units": schemas.TEXT_UNITS_FINAL_COLUMNS,
    "entities": schemas.ENTITIES_FINAL_COLUMNS,
    "relationships": schemas.RELATIONSHIPS_FINAL_COLUMNS,
    "communities": schemas.COMMUNITIES_FINAL_COLUMNS,
    "community_reports": schemas.COMMUNITY_REPORTS_FINAL_COLUMNS,
    "covariates": schemas.COVARIATES_FINAL_COLUMNS,
}
OPTIONAL = "covariates"  # without claims there is no such file
# which ids each column of lists refers to
LISTS = (
    ("documents", "text_unit_ids", "text_units"),
    ("text_units", "entity_ids", "entities"),
    ("text_units", "relationship_ids", "relationships"),
    ("entities", "text_unit_ids", "text_units"),
    ("relationships", "text_unit_ids", "text_units"),
    ("communities", "entity_ids", "entities"),
    ("communities", "relationship_ids", "relationships"),
    ("communities", "text_unit_ids", "text_units"),
)
ALL_LEVELS = 1_000_000  # communities of every level

Frames = dict[str, Any]  # a pandas DataFrame for each table


def read_back(folder: Path) -> dict[str, Any]:
    """What `graphrag` finds in the folder, and what is wrong with it."""
    problems: list[str] = []
    frames: Frames = {}
    for table, columns in COLUMNS.items():
        if table == OPTIONAL and not (folder / f"{table}.parquet").exists():
            continue
        try:
            frames[table] = asyncio.run(_typed(folder, table))  # noqa: TID251 - a process of its own
        except Exception as error:  # noqa: BLE001 - whatever its readers raise is what is to be told
            problems.append(f"graphrag cannot read {table}: {error!r}")
        else:
            problems += _of_columns(table, list(frames[table].columns), columns)
    if not problems:
        problems += [*_of_references(frames), *_of_objects(frames)]
    embeddings = {}
    for kind in EMBEDDED:
        embeddings[kind], found = _vectors(folder, kind, frames)
        problems += found
    tables = {name: len(frame) for name, frame in frames.items()}
    return {"graphrag": version("graphrag"), "tables": tables, "embeddings": embeddings, "problems": problems}


async def _typed(folder: Path, table: str) -> Any:
    return await getattr(DataReader(ParquetTableProvider(FileStorage(base_dir=str(folder)))), table)()


def _of_columns(table: str, found: list[str], wanted: list[str]) -> Iterator[str]:
    if missing := [name for name in wanted if name not in found]:
        yield f"{table} lacks {', '.join(missing)}"
    if unknown := [name for name in found if name not in wanted]:
        yield f"{table} has columns that graphrag does not know: {', '.join(unknown)}"
    if sorted(found) == sorted(wanted) and found != wanted:
        yield f"{table} has its columns in another order: {', '.join(found)}"


def _of_references(frames: Frames) -> Iterator[str]:
    for table, frame in frames.items():
        if twice := int(frame["id"].duplicated().sum()):
            yield f"{table} has rows with the id of another one: {twice}"
    for table, column, other in LISTS:
        named = {one for ids in frames[table][column] for one in ids}
        yield from _unknown(f"{table}.{column}", named, frames[other]["id"])
    for end in ("source", "target"):
        yield from _unknown(f"relationships.{end}", frames["relationships"][end], frames["entities"]["title"])
    yield from _unknown("community_reports.community", frames["community_reports"]["community"], _communities(frames))
    yield from _unknown("communities.parent", set(frames["communities"]["parent"]) - {-1}, _communities(frames))


def _communities(frames: Frames) -> Any:
    return frames["communities"]["community"]


def _unknown(place: str, named: Any, known: Any) -> Iterator[str]:
    if lost := set(named) - set(known):
        yield f"{place} names {len(lost)} that {'is' if len(lost) == 1 else 'are'} not there, such as {min(lost)}"


def _of_objects(frames: Frames) -> Iterator[str]:
    """Make the objects that `graphrag`'s queries work with."""
    communities, reports = frames["communities"], frames["community_reports"]
    readers: dict[str, Callable[[Any], Any]] = {
        "text_units": lambda frame: adapters.read_indexer_text_units(frame),
        "entities": lambda frame: adapters.read_indexer_entities(frame, communities, community_level=ALL_LEVELS),
        "relationships": lambda frame: adapters.read_indexer_relationships(frame),
        "communities": lambda frame: adapters.read_indexer_communities(frame, reports),
        "community_reports": lambda frame: adapters.read_indexer_reports(frame, communities, ALL_LEVELS, True),
        "covariates": lambda frame: adapters.read_indexer_covariates(frame),
    }
    for table, read in readers.items():
        if table not in frames:
            continue
        try:
            found = len(read(frames[table].copy()))
        except Exception as error:  # noqa: BLE001 - as above
            yield f"graphrag's queries cannot use {table}: {error!r}"
            continue
        expected = len(reports) if table == "communities" else len(frames[table])  # one without a report is left away
        if found != expected:
            yield f"graphrag's queries find {found} of {expected} {table}"


def _vectors(folder: Path, kind: str, frames: Frames) -> tuple[dict[str, int], list[str]]:
    """How many vectors of a kind there are, and of how many numbers; and what is wrong with them."""
    name = f"embeddings.{kind}"
    try:
        read = pq.read_table(folder / f"{name}.parquet", columns=["id", "embedding"])
    except Exception as error:  # noqa: BLE001 - as above
        return {"vectors": 0, "size": 0}, [f"{name} cannot be read: {error}"]
    sizes = set(list_value_length(read["embedding"]).to_pylist())
    table = {"text_unit_text": "text_units", "entity_description": "entities"}.get(kind, "community_reports")
    problems = [f"{name} has vectors of several sizes: {sorted(sizes)}"] if len(sizes) > 1 else []
    if table in frames:
        ids, known = set(read["id"].to_pylist()), set(frames[table]["id"])
        problems += [f"{name} has {len(ids - known)} ids that are not in {table}"] if ids - known else []
        problems += [f"{name} lacks {len(known - ids)} of {len(known)} {table}"] if known - ids else []
    return {"vectors": len(read), "size": max(sizes, default=0)}, problems


if __name__ == "__main__":
    print(json.dumps(read_back(Path(sys.argv[1]))))
