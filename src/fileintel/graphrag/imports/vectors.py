"""The vectors of an index folder, where it says which model they are from: those of another one are of no use."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fileintel.errors import IndexFolderError
from fileintel.graphrag.export.columns import EMBEDDED, EMBEDDING_MODEL
from fileintel.graphrag.imports.folder import Tables
from fileintel.graphrag.imports.tables import Imported
from fileintel.graphrag.imports.values import identity_of, integer_of, text_of
from fileintel.graphrag.model import TextUnit
from fileintel.graphrag.stages.embed import ENTITIES, REPORTS, TEXT_UNITS, report_id

Key = tuple[str, str]  # the kind and the id of what a vector belongs to


def known_vectors(tables: Tables, made: Imported, units: Sequence[TextUnit], model: str, size: int) -> dict[Key, bytes]:
    """The vectors of this model and size, under our ids, as 32-bit floats.

    Raises:
      IndexFolderError: a file cannot be read.
    """
    ids = {
        TEXT_UNITS: {text_of(tables["text_units"][unit.number]["id"]): unit.id for unit in units},
        ENTITIES: {text_of(row["id"]): identity_of("entity", row["id"]) for row in tables["entities"]},
        REPORTS: _reports(tables, made),
    }
    return {
        (kind, ids[kind][identity]): vector
        for kind in EMBEDDED
        for identity, vector in _read(tables.directory / f"embeddings.{kind}.parquet", model, size)
        if identity in ids[kind]
    }


def _reports(tables: Tables, made: Imported) -> Mapping[str, str]:
    numbered = ((row.get("id"), integer_of(row["community"])) for row in tables["community_reports"])
    return {
        text_of(identity): report_id(made.reports[n]) for identity, n in numbered if n is not None and n in made.reports
    }


def _read(path: Path, model: str, size: int) -> Iterator[tuple[str, bytes]]:
    if not path.is_file():
        return
    try:
        with pq.ParquetFile(path) as file:
            if (file.schema_arrow.metadata or {}).get(EMBEDDING_MODEL) != model.encode():
                return
            for batch in file.iter_batches(columns=["id", "embedding"]):
                for identity, vector in zip(batch["id"].to_pylist(), batch["embedding"], strict=True):
                    if len(vector) == size:
                        yield text_of(identity), vector.values.to_numpy().astype(np.float32).tobytes()
    except (pa.ArrowException, OSError, KeyError) as error:
        raise IndexFolderError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
