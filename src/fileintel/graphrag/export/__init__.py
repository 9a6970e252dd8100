"""An index version as files: the tables of `graphrag` 3.x in Parquet, its vectors, and the graph as GraphML.

What reads an index of `graphrag` reads these: names, columns, order and types are upstream's (`columns`).
Its LanceDB store is not written; the three sets of vectors are there as tables that it can be filled from.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from fileintel.errors import ExportError
from fileintel.graphrag.export import columns, documents, graphml, tables
from fileintel.graphrag.export.folder import export_errors, replaced
from fileintel.storage import index_tables
from fileintel.storage.engine import Database
from fileintel.storage.models import IndexVersion

GRAPH = "graph.graphml"
FILES = frozenset(
    {
        GRAPH,
        *(f"{name}.parquet" for name in columns.TABLES),
        *(f"embeddings.{kind}.parquet" for kind in columns.EMBEDDED),
    }
)

Writer = Callable[[Path], int]


def _unheard(_file: str, _rows: int) -> None:
    """Take no notice of a file: the default of `on_table`."""


def export_index(
    database: Database,
    version: IndexVersion,
    directory: Path,
    *,
    on_table: Callable[[str, int], None] = _unheard,
) -> dict[str, int]:
    """Write a version into `directory`, which is created, or replaced where it holds an earlier export.

    The rows are read in batches, each in a transaction of its own, so that memory does not grow with the index, but
    only with its longest document. `directory` changes in one step at the end, when everything is on the disk.

    Parameters:
      on_table: called with the file's name and its rows as soon as a file is written.

    Returns:
      The rows of each file; of the graph, its nodes and edges together.

    Raises:
      ExportError: it cannot be written there, other files are there, or the version is gone.
    """
    rows: dict[str, int] = {}
    with replaced(directory, FILES) as staging:
        for name, write in _writers(database, version.id, version.embedding_model):
            with export_errors(directory):
                rows[name] = write(staging / name)
            on_table(name, rows[name])
        _check_still_there(database, version)
    return rows


def _writers(database: Database, version_id: str, embedding_model: str) -> Iterator[tuple[str, Writer]]:
    yield "documents.parquet", partial(_write, columns.DOCUMENTS, documents.batches(database, version_id))
    yield "text_units.parquet", partial(_write, columns.TEXT_UNITS, tables.text_units(database, version_id))
    for name in tables.STORED:
        # upstream has no such file either when no claims were extracted
        if name != "covariates" or index_tables.has_covariates(database, version_id):
            batches = tables.stored(database, version_id, name)
            yield f"{name}.parquet", partial(_write, columns.TABLES[name], batches)
    for kind in columns.EMBEDDED:
        vectors = tables.embeddings(database, version_id, kind)
        yield f"embeddings.{kind}.parquet", partial(_write, columns.embeddings_of(embedding_model), vectors)
    yield GRAPH, partial(graphml.write, database, version_id)


def _write(schema: columns.Schema, batches: Iterator[columns.Batch], path: Path) -> int:
    return tables.write(path, schema, batches)


def _check_still_there(database: Database, version: IndexVersion) -> None:
    # a version is dropped in one transaction: if it is there after the last batch, every batch was whole
    if not index_tables.is_there(database, version.id):
        raise ExportError(f"index version {version.number} was removed while it was exported: export the current one")
