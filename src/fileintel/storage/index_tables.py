"""The rows of a whole version, table by table, a batch at a time: what an export writes.

Columns stand in upstream's order (`graphrag.data_model.schemas`), ids come as text. A row may have more columns at its
end than are named here: its place in the order.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, LargeBinary, exists, func, select

from fileintel.runtime import yield_to_hub
from fileintel.storage.batches import Rows, as_text, as_texts, in_order, naming, windows
from fileintel.storage.engine import Database
from fileintel.storage.models import (
    Community,
    CommunityReport,
    Covariate,
    Document,
    DocumentPage,
    Embedding,
    Entity,
    IndexedDocument,
    IndexVersion,
    Relationship,
    TextUnit,
)

BATCH_ROWS = 1_000  # reading or writing them keeps the hub for some 20 ms
COMMUNITIES_PER_BATCH = 200
MEMBERS_PER_BATCH = 10_000  # entities of these communities, whose lists hold five times as many ids
VECTORS_PER_BATCH = 500  # of 1,536 numbers: 3 MB
DOCUMENTS_PER_BATCH = 1_000
UNITS_PER_BATCH = 500  # of some thousand characters each: about two megabytes
PAGES_PER_BATCH = 5_000  # without their texts


class ExportedDocument(NamedTuple):
    """A document as a version knows it, and what the stored document adds: None where that was deleted."""

    id: str
    human_readable_id: int
    title: str
    name: str
    sha256: str
    created_at: datetime
    characters: int | None
    media_type: str | None
    size: int | None


class UnitText(NamedTuple):
    """The text of a text unit, and where it begins in its document, in characters."""

    id: str
    start: int
    text: str


class PageExtent(NamedTuple):
    """A page without its text: characters `start` to `end` of its document."""

    label: str | None
    start: int
    end: int


class References(NamedTuple):
    """The ids of what names text units, by the text unit's id."""

    entities: dict[str, list[str]]
    relationships: dict[str, list[str]]
    covariates: dict[str, list[str]]


def is_there(database: Database, version_id: str) -> bool:
    """Whether a version has not been dropped."""
    with database.transaction() as session:
        return bool(session.execute(select(exists().where(IndexVersion.id == version_id))).scalar_one())


def has_covariates(database: Database, version_id: str) -> bool:
    """Whether a version has claims."""
    with database.transaction() as session:
        return bool(session.execute(select(exists().where(Covariate.version_id == version_id))).scalar_one())


def documents(database: Database, version_id: str) -> Iterator[ExportedDocument]:
    """The documents of a version, by human-readable id."""
    statement = (
        select(
            as_text(IndexedDocument.id),
            IndexedDocument.human_readable_id,
            IndexedDocument.title,
            IndexedDocument.name,
            IndexedDocument.sha256,
            IndexedDocument.created_at,
            Document.characters,
            Document.media_type,
            Document.size,
        )
        .outerjoin(Document, Document.id == IndexedDocument.id)
        .where(IndexedDocument.version_id == version_id)
    )
    order = IndexedDocument.human_readable_id, IndexedDocument.id
    for batch in in_order(database, statement, order, DOCUMENTS_PER_BATCH):
        yield from (ExportedDocument(*row[:9]) for row in batch)


def document_pages(database: Database, document_id: str) -> Iterator[PageExtent]:
    """The pages of a stored document, in order."""
    statement = select(DocumentPage.label, DocumentPage.start, DocumentPage.end).where(
        DocumentPage.document_id == document_id
    )
    for batch in in_order(database, statement, (DocumentPage.number,), PAGES_PER_BATCH):
        yield from (PageExtent(*row[:3]) for row in batch)


def document_stretch(database: Database, document_id: str, start: int, end: int) -> str:
    """Characters `start` to `end` of a stored document; less where it has no more."""
    statement = (
        select(DocumentPage.start, DocumentPage.text)
        .where(DocumentPage.document_id == document_id, DocumentPage.start < end, DocumentPage.end > start)
        .order_by(DocumentPage.number)
    )
    with database.transaction() as session:
        pages = session.execute(statement).all()
    return "".join(text[max(0, start - first) : end - first] for first, text in pages)


def unit_texts(database: Database, version_id: str, document_id: str) -> Iterator[UnitText]:
    """The texts of the text units of one document, by human-readable id."""
    statement = select(as_text(TextUnit.id), TextUnit.start, TextUnit.text).where(
        TextUnit.version_id == version_id, TextUnit.document_id == document_id
    )
    for batch in in_order(database, statement, (TextUnit.human_readable_id, TextUnit.id), UNITS_PER_BATCH):
        yield from (UnitText(*row[:3]) for row in batch)


def text_units(database: Database, version_id: str) -> Iterator[tuple[Rows, References]]:
    """The rows of `text_units` (id, human-readable id, text, tokens, document's id), with what names them."""
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
                yield rows, references


def entities(database: Database, version_id: str) -> Iterator[Rows]:
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
    return in_order(database, statement, (Entity.human_readable_id, Entity.id), BATCH_ROWS)


def entities_with_community(database: Database, version_id: str) -> Iterator[tuple[Rows, dict[str, int]]]:
    """The rows of the graph's nodes (title, id, human-readable id, type, description, frequency, degree), with the
    community at the top level by entity id; entities outside of all communities are left out of that."""
    statement = select(
        Entity.title,
        as_text(Entity.id),
        Entity.human_readable_id,
        Entity.type,
        Entity.description,
        Entity.frequency,
        Entity.degree,
    ).where(Entity.version_id == version_id)
    order = Entity.human_readable_id, Entity.id
    every_id = select(as_text(Entity.id)).where(Entity.version_id == version_id)
    for ids in windows(database, every_id, order):  # all communities of the top level are read for each
        top = _top_communities(database, version_id, ids)
        for start in range(0, len(ids), BATCH_ROWS):
            batch = statement.where(Entity.id.in_(ids[start : start + BATCH_ROWS]))
            for rows in in_order(database, batch, order, BATCH_ROWS + 1):
                yield rows, top


def relationships(database: Database, version_id: str) -> Iterator[Rows]:
    """The rows of `relationships`."""
    return _relationships(database, version_id, as_texts(Relationship.text_unit_ids))


def edges(database: Database, version_id: str) -> Iterator[Rows]:
    """The rows of the graph's edges: those of `relationships` without the ids of text units."""
    return _relationships(database, version_id)


def _relationships(database: Database, version_id: str, *more: ColumnElement[Any]) -> Iterator[Rows]:
    statement = select(
        as_text(Relationship.id),
        Relationship.human_readable_id,
        Relationship.source,
        Relationship.target,
        Relationship.description,
        Relationship.weight,
        Relationship.combined_degree,
        *more,
    ).where(Relationship.version_id == version_id)
    return in_order(database, statement, (Relationship.human_readable_id, Relationship.id), BATCH_ROWS)


def communities(database: Database, version_id: str) -> Iterator[Rows]:
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
        yield from in_order(database, portion, [Community.community], len(numbers) + 1)


def reports(database: Database, version_id: str) -> Iterator[Rows]:
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
    return in_order(database, statement, [CommunityReport.community], BATCH_ROWS)


def covariates(database: Database, version_id: str) -> Iterator[Rows]:
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
    return in_order(database, statement, (Covariate.human_readable_id, Covariate.id), BATCH_ROWS)


def embeddings(database: Database, version_id: str, kind: str) -> Iterator[Rows]:
    """Vectors of one kind, in order of the ids that they belong to: id, and pgvector's wire form, which is far quicker
    to read than its text form: two 16-bit numbers, then big-endian 32-bit floats."""
    binary = func.vector_send(Embedding.vector, type_=LargeBinary())
    of_kind = Embedding.version_id == version_id, Embedding.kind == kind
    statement = select(as_text(Embedding.item_id), binary).where(*of_kind)
    return in_order(database, statement, [Embedding.item_id], VECTORS_PER_BATCH)


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


def _references(database: Database, version_id: str, ids: Sequence[str]) -> References:
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
    return References(*found)


def _top_communities(database: Database, version_id: str, ids: Sequence[str]) -> dict[str, int]:
    top = Community.version_id == version_id, Community.level == 0
    members = func.unnest(Community.entity_ids)
    with database.transaction() as session:
        found = naming(session, ids, members, Community.community, *top, order=Community.community)
    return {identity: numbers[0] for identity, numbers in found.items()}
