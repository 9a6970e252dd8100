"""Finding and reading the tables of an index folder, whatever version of `graphrag` wrote them.

Names and columns have changed: up to 1.x the files were called `create_final_entities.parquet` and so on, and some
columns had other names (`graphrag`'s notebooks `index_migration_to_v1`, `…_v2`, `…_v3` tell which).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fileintel.errors import IndexFolderError

TableRow = Mapping[str, Any]

REQUIRED = ("text_units", "entities", "relationships", "communities", "community_reports")
OPTIONAL = ("documents", "covariates", "nodes")  # nodes: who is in which community, up to 1.x

# what each table cannot do without; of a group, one name is enough, and the first is the present one
_NEEDED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "documents": (("id",), ("text", "raw_content")),
    "text_units": (("id",), ("text",)),
    "entities": (("id",), ("title", "name"), ("description",), ("text_unit_ids",)),
    "relationships": (("id",), ("source",), ("target",), ("description",)),
    "communities": (("community", "id"), ("level",), ("entity_ids", "relationship_ids")),
    "community_reports": (("community",), ("title",), ("summary",)),
    "covariates": (("id",), ("subject_id",), ("description",)),
    "nodes": (("title",), ("community",)),
}
_RENAMED: Mapping[str, Mapping[str, str]] = {
    "documents": {"raw_content": "text"},
    "entities": {"name": "title"},
    "relationships": {"rank": "combined_degree"},
    "community_reports": {"rank_explanation": "rating_explanation"},
}


@dataclass(frozen=True)
class Tables:
    """The tables of a folder as lists of rows, with the present names of the columns; `directory` is where they are."""

    directory: Path
    rows: Mapping[str, Sequence[TableRow]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Sequence[TableRow]:
        """The rows of a table; none where the folder does not have it."""
        return self.rows.get(name, ())


def read_tables(directory: Path) -> Tables:
    """Read all tables of an index. `directory` is the folder with them, or the project that has it as `output`.

    Raises:
      IndexFolderError: there is no such folder, or no whole index in it, or a file cannot be read.
    """
    place = _with_tables(directory)
    rows: dict[str, Sequence[TableRow]] = {name: _read(name, _file(place, name)) for name in REQUIRED}
    for name in OPTIONAL:
        path = _find(place, name)
        if path is not None:
            rows[name] = _read(name, path)
    if not rows["text_units"] or not rows["entities"]:
        raise IndexFolderError(f"the index in {place} is empty: it has no text units or no entities")
    return Tables(place, rows)


def table_files(directory: Path) -> list[Path]:
    """The files of an index that an import reads: the tables, and vectors where there are some.

    Raises:
      IndexFolderError: there is no such folder, or no whole index in it.
    """
    place = _with_tables(directory)
    needed = [_file(place, name) for name in REQUIRED]
    optional = [path for name in OPTIONAL if (path := _find(place, name)) is not None]
    return [*needed, *optional, *sorted(place.glob("embeddings.*.parquet"))]


def check_tables(directory: Path, most_bytes: int) -> None:
    """Whether a folder holds a whole index, of at most `most_bytes` when it is unpacked; its rows are not read.

    Raises:
      IndexFolderError: it does not.
    """
    total = 0
    for path in table_files(directory):
        name = path.stem.removeprefix("create_final_")
        try:
            with pq.ParquetFile(path) as file:
                if name in _NEEDED:
                    _check(name, path, file.schema_arrow.names)
                groups = range(file.metadata.num_row_groups)
                total += sum(file.metadata.row_group(number).total_byte_size for number in groups)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(path, error) from error
    if total > most_bytes:
        raise IndexFolderError(
            f"the index in {directory} has {total:,} bytes when unpacked, {most_bytes:,} are allowed"
        )


def _with_tables(directory: Path) -> Path:
    if not directory.is_dir():
        raise IndexFolderError(f"there is no folder {directory}: name the one with the index's parquet files")
    # older versions wrote each run into a folder of its own, named by its time: the last one counts
    places = [directory, directory / "output", *sorted(directory.glob("output/*/artifacts"), reverse=True)]
    for place in places:
        if _find(place, "entities") is not None:
            return place
    raise IndexFolderError(f"{directory} holds no index of graphrag: entities.parquet is neither in it nor in output/")


def _find(place: Path, name: str) -> Path | None:
    for candidate in (place / f"{name}.parquet", place / f"create_final_{name}.parquet"):
        if candidate.is_file():
            return candidate
    return None


def _file(place: Path, name: str) -> Path:
    path = _find(place, name)
    if path is None:
        raise IndexFolderError(f"{place} holds no whole index of graphrag: {name}.parquet is missing")
    return path


def _read(name: str, path: Path) -> Sequence[TableRow]:
    try:
        with pq.ParquetFile(path) as file:
            columns = file.schema_arrow.names
            _check(name, path, columns)
            rows = file.read().to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error
    renamed = {old: new for old, new in _RENAMED.get(name, {}).items() if old in columns and new not in columns}
    return [{renamed.get(column, column): value for column, value in row.items()} for row in rows] if renamed else rows


def _unreadable(path: Path, error: Exception) -> IndexFolderError:
    return IndexFolderError(f"{path} cannot be read as a parquet file: {' '.join(str(error).split())}")


def _check(name: str, path: Path, columns: Sequence[str]) -> None:
    for names in _NEEDED[name]:
        if not set(names).intersection(columns):
            raise IndexFolderError(f"{path} is no table of graphrag's {name}: the column {names[0]!r} is missing")
