"""The tables that can be read as they are stored, and those with lists that point back at them."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq

from fileintel.graphrag.export import columns
from fileintel.runtime import in_native_thread, yield_to_hub
from fileintel.storage import index_tables
from fileintel.storage.engine import Database

STORED = {  # the tables whose rows are written as they are read
    "entities": index_tables.entities,
    "relationships": index_tables.relationships,
    "communities": index_tables.communities,
    "community_reports": index_tables.reports,
    "covariates": index_tables.covariates,
}
VECTOR_HEADER = 4  # bytes before the numbers of pgvector's wire form
COMPRESSION: Final = "snappy"  # what upstream's files have


def write(path: Path, schema: columns.Schema, batches: Iterable[columns.Batch]) -> int:
    """Write batches as the row groups of a Parquet file, down to the disk; returns the number of rows.

    Raises:
      OSError: it cannot be written.
    """
    rows = 0
    with path.open("wb") as file:
        with pq.ParquetWriter(file, schema, compression=COMPRESSION) as writer:
            for batch in batches:
                in_native_thread(writer.write_batch, batch)  # compressing long texts takes a tenth of a second
                rows += batch.num_rows
                yield_to_hub()
        file.flush()
        in_native_thread(os.fsync, file.fileno())  # some file systems tell only now that they are full
    return rows


def stored(database: Database, version_id: str, name: str) -> Iterator[columns.Batch]:
    """The rows of one of the tables STORED."""
    for rows in STORED[name](database, version_id):
        yield columns.batch(columns.TABLES[name], rows)


def text_units(database: Database, version_id: str) -> Iterator[columns.Batch]:
    """The rows of `text_units`, with what refers to them."""
    for rows, references in index_tables.text_units(database, version_id):
        full = [(*row[:5], *(naming.get(row[0], []) for naming in references)) for row in rows]
        yield columns.batch(columns.TEXT_UNITS, full)


def embeddings(database: Database, version_id: str, kind: str) -> Iterator[columns.Batch]:
    """The vectors of one kind, in order of the ids that they belong to."""
    for rows in index_tables.embeddings(database, version_id, kind):
        vectors = [
            (row[0], np.frombuffer(row[1], dtype=">f4", offset=VECTOR_HEADER).astype(np.float32)) for row in rows
        ]
        yield columns.batch(columns.EMBEDDINGS, vectors)
