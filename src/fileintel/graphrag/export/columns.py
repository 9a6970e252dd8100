"""The columns of upstream's tables, in its order (`graphrag.data_model.schemas`, 3.3) and with the types its own
Parquet files have. Kept here because importing upstream's list loads pandas; a test compares the two.
"""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

Schema = pa.Schema
Batch = pa.RecordBatch


def _columns(*fields: tuple[str, pa.DataType]) -> Schema:
    return pa.schema(fields)


_TEXT, _INTEGER, _NUMBER = pa.string(), pa.int64(), pa.float64()
_TEXTS = pa.list_(_TEXT)

# upstream keeps the record that a document was read from in `raw_data`; ours is the file, with its pages in order, so
# that an import gives them back: labels ("" for none) and lengths in characters
_PAGE = pa.struct([("label", _TEXT), ("characters", _INTEGER)])
_FILE = pa.struct(
    [
        ("name", _TEXT),
        ("sha256", _TEXT),
        ("media_type", _TEXT),
        ("size", _INTEGER),
        ("pages", pa.list_(_PAGE)),
    ]
)
_FINDING = pa.struct([("explanation", _TEXT), ("summary", _TEXT)])

DOCUMENTS = _columns(
    ("id", _TEXT),
    ("human_readable_id", _INTEGER),
    ("title", _TEXT),
    ("text", _TEXT),
    ("text_unit_ids", _TEXTS),
    ("creation_date", _TEXT),
    ("raw_data", _FILE),
)
TEXT_UNITS = _columns(
    ("id", _TEXT),
    ("human_readable_id", _INTEGER),
    ("text", _TEXT),
    ("n_tokens", _INTEGER),
    ("document_id", _TEXT),
    ("entity_ids", _TEXTS),
    ("relationship_ids", _TEXTS),
    ("covariate_ids", _TEXTS),
)
ENTITIES = _columns(
    ("id", _TEXT),
    ("human_readable_id", _INTEGER),
    ("title", _TEXT),
    ("type", _TEXT),
    ("description", _TEXT),
    ("text_unit_ids", _TEXTS),
    ("frequency", _INTEGER),
    ("degree", _INTEGER),
)
RELATIONSHIPS = _columns(
    ("id", _TEXT),
    ("human_readable_id", _INTEGER),
    ("source", _TEXT),
    ("target", _TEXT),
    ("description", _TEXT),
    ("weight", _NUMBER),
    ("combined_degree", _INTEGER),
    ("text_unit_ids", _TEXTS),
)
COMMUNITIES = _columns(
    ("id", _TEXT),
    ("human_readable_id", _INTEGER),
    ("community", _INTEGER),
    ("level", _INTEGER),
    ("parent", _INTEGER),
    ("children", pa.list_(_INTEGER)),
    ("title", _TEXT),
    ("entity_ids", _TEXTS),
    ("relationship_ids", _TEXTS),
    ("text_unit_ids", _TEXTS),
    ("period", _TEXT),
    ("size", _INTEGER),
)
REPORTS = _columns(
    ("id", _TEXT),
    ("human_readable_id", _INTEGER),
    ("community", _INTEGER),
    ("level", _INTEGER),
    ("parent", _INTEGER),
    ("children", pa.list_(_INTEGER)),
    ("title", _TEXT),
    ("summary", _TEXT),
    ("full_content", _TEXT),
    ("rank", _NUMBER),
    ("rating_explanation", _TEXT),
    ("findings", pa.list_(_FINDING)),
    ("full_content_json", _TEXT),
    ("period", _TEXT),
    ("size", _INTEGER),
)
COVARIATES = _columns(
    ("id", _TEXT),
    ("human_readable_id", _INTEGER),
    ("covariate_type", _TEXT),
    ("type", _TEXT),
    ("description", _TEXT),
    ("subject_id", _TEXT),
    ("object_id", _TEXT),
    ("status", _TEXT),
    ("start_date", _TEXT),
    ("end_date", _TEXT),
    ("source_text", _TEXT),
    ("text_unit_id", _TEXT),
)

EMBEDDED = (
    "text_unit_text",
    "entity_description",
    "community_full_content",
)  # upstream's names for its sets of vectors
EMBEDDINGS = _columns(("id", _TEXT), ("embedding", pa.list_(pa.float32())))
EMBEDDING_MODEL = b"fileintel.embedding_model"  # the key of the model's name in the metadata of a file of vectors

TABLES = {
    "documents": DOCUMENTS,
    "text_units": TEXT_UNITS,
    "entities": ENTITIES,
    "relationships": RELATIONSHIPS,
    "communities": COMMUNITIES,
    "community_reports": REPORTS,
    "covariates": COVARIATES,
}


def embeddings_of(model: str) -> Schema:
    """The columns of vectors that this model has made."""
    return EMBEDDINGS.with_metadata({EMBEDDING_MODEL: model.encode()})


def batch(schema: Schema, rows: Sequence[Sequence[Any]]) -> Batch:
    """Rows as a batch of these columns; what a row has beyond them is left away."""
    values = list(zip(*rows, strict=True))[: len(schema)]
    arrays = [pa.array(column, field.type) for column, field in zip(values, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
