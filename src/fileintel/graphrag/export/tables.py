"""The tables that can be read as they are stored, and those with lists that point back at them."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from sqlalchemy import LargeBinary, Select, func, select

from fileintel.graphrag.export import columns
from fileintel.graphrag.export.reading import Order, as_text, as_texts, in_order, naming, windows
from fileintel.runtime import in_native_thread, yield_to_hub
from fileintel.storage.engine import Database
from fileintel.storage.models import (
    Community,
    CommunityReport,
    Covariate,
    Embedding,
    Entity,
    Relationship,
    TextUnit,
)

BATCH_ROWS = 1_000  # one row group; reading or writing it keeps the hub for some 20 ms
COMMUNITIES_PER_BATCH = 200
MEMBERS_PER_BATCH = 10_000  # entities of these communities, whose lists hold five times as many ids
VECTORS_PER_BATCH = 500  # of 1,536 numbers: 3 MB
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


def text_units(database: Database, version_id: str) -> Iterator[columns.Batch]:
    """The rows of `text_units`, with what refers to them."""
    of_version = TextUnit.version_id == version_id
    every_id = select(as_text(TextUnit.id)).where(of_version)
    statement = select(
        as_text(TextUnit.id),
        TextUnit.human_readable_id,
        TextUnit.text,
        TextUnit.n_tokens,
        as_text(TextUnit.document_id),
    ).where(of_version)
    order = TextUnit.human_readable_id, TextUnit.id
    # all entities and relationships are read for each window
    for ids in windows(database, every_id, order):
        references = _references(database, version_id, ids)
        for start in range(0, len(ids), BATCH_ROWS):
            batch = statement.where(TextUnit.id.in_(ids[start : start + BATCH_ROWS]))
            for rows in in_order(database, batch, order, BATCH_ROWS + 1):
                full = [(*row[:5], *(found.get(row[0], []) for found in references)) for row in rows]
                yield columns.batch(columns.TEXT_UNITS, full)


def entities(database: Database, version_id: str) -> Iterator[columns.Batch]:
    """The rows of `entities`."""
    statement = select(
        as_text(Entity.id),
        Entity.human_readable_id,
        Entity.title,
        Entity.type,
        Entity.description,
        as_texts(Entity.text_unit_ids),
        Entity.frequency,
        Entity.degree,
    ).where(Entity.version_id == version_id)
    return _stored(database, columns.ENTITIES, statement, (Entity.human_readable_id, Entity.id))


def relationships(database: Database, version_id: str) -> Iterator[columns.Batch]:
    """The rows of `relationships`."""
    statement = select(
        as_text(Relationship.id),
        Relationship.human_readable_id,
        Relationship.source,
        Relationship.target,
        Relationship.description,
        Relationship.weight,
        Relationship.combined_degree,
        as_texts(Relationship.text_unit_ids),
    ).where(Relationship.version_id == version_id)
    return _stored(database, columns.RELATIONSHIPS, statement, (Relationship.human_readable_id, Relationship.id))


def communities(database: Database, version_id: str) -> Iterator[columns.Batch]:
    """The rows of `communities`; as upstream has it, their human-readable id is the number of the community."""
    statement = select(
        as_text(Community.id),
        Community.community.label("human_readable_id"),
        Community.community,
        Community.level,
        Community.parent,
        Community.children,
        Community.title,
        as_texts(Community.entity_ids),
        as_texts(Community.relationship_ids),
        as_texts(Community.text_unit_ids),
        Community.period,
        Community.size,
    ).where(Community.version_id == version_id)
    for numbers in _portions(database, version_id):
        portion = statement.where(Community.community.in_(numbers))
        yield from _stored(database, columns.COMMUNITIES, portion, [Community.community], len(numbers) + 1)


def _portions(database: Database, version_id: str) -> Iterator[list[int]]:
    """The numbers of the communities in portions that are read at once: many small ones, or few large ones."""
    statement = select(Community.community, Community.size).where(Community.version_id == version_id)
    portion: list[int] = []
    members = 0
    for rows in in_order(database, statement, [Community.community], BATCH_ROWS):
        for number, size, _ in rows:
            if portion and (members + size > MEMBERS_PER_BATCH or len(portion) == COMMUNITIES_PER_BATCH):
                yield portion
                portion, members = [], 0
            portion.append(number)
            members += size
    if portion:
        yield portion


def reports(database: Database, version_id: str) -> Iterator[columns.Batch]:
    """The rows of `community_reports`, numbered like `communities`."""
    statement = select(
        as_text(CommunityReport.id),
        CommunityReport.community.label("human_readable_id"),
        CommunityReport.community,
        CommunityReport.level,
        CommunityReport.parent,
        CommunityReport.children,
        CommunityReport.title,
        CommunityReport.summary,
        CommunityReport.full_content,
        CommunityReport.rank,
        CommunityReport.rating_explanation,
        CommunityReport.findings,
        CommunityReport.full_content_json,
        CommunityReport.period,
        CommunityReport.size,
    ).where(CommunityReport.version_id == version_id)
    return _stored(database, columns.REPORTS, statement, [CommunityReport.community])


def covariates(database: Database, version_id: str) -> Iterator[columns.Batch]:
    """The rows of `covariates`."""
    statement = select(
        as_text(Covariate.id),
        Covariate.human_readable_id,
        Covariate.covariate_type,
        Covariate.type,
        Covariate.description,
        Covariate.subject_id,
        Covariate.object_id,
        Covariate.status,
        Covariate.start_date,
        Covariate.end_date,
        Covariate.source_text,
        as_text(Covariate.text_unit_id),
    ).where(Covariate.version_id == version_id)
    return _stored(database, columns.COVARIATES, statement, (Covariate.human_readable_id, Covariate.id))


def embeddings(database: Database, version_id: str, kind: str) -> Iterator[columns.Batch]:
    """The vectors of one kind, in order of the ids that they belong to."""
    # pgvector's wire form: two 16-bit numbers, then big-endian 32-bit floats; far quicker to read than its text form
    binary = func.vector_send(Embedding.vector, type_=LargeBinary())
    of_kind = Embedding.version_id == version_id, Embedding.kind == kind
    statement = select(as_text(Embedding.item_id), binary).where(*of_kind)
    for rows in in_order(database, statement, [Embedding.item_id], VECTORS_PER_BATCH):
        vectors = [(row[0], np.frombuffer(row[1], dtype=">f4", offset=4).astype(np.float32)) for row in rows]
        yield columns.batch(columns.EMBEDDINGS, vectors)


def _stored(
    database: Database,
    schema: columns.Schema,
    statement: Select[*tuple[Any, ...]],
    order: Order,
    batch_rows: int = BATCH_ROWS,
) -> Iterator[columns.Batch]:
    for rows in in_order(database, statement, order, batch_rows):
        yield columns.batch(schema, rows)


def _references(database: Database, version_id: str, ids: Sequence[str]) -> list[dict[str, list[str]]]:
    """The ids of the entities, relationships and covariates that name these text units, by text unit."""
    referring: tuple[tuple[Any, Any], ...] = (
        (Entity, func.unnest(Entity.text_unit_ids)),
        (Relationship, func.unnest(Relationship.text_unit_ids)),
        (Covariate, Covariate.text_unit_id),
    )
    found = []
    for table, unit in referring:
        of_version = table.version_id == version_id
        with database.transaction() as session:
            found.append(naming(session, ids, unit, as_text(table.id), of_version, order=table.human_readable_id))
        yield_to_hub()
    return found
