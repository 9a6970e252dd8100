"""Text units of documents: written whole for a document, and known with the settings that they were cut with."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from fileintel.storage.bulk_insert import insert_rows
from fileintel.storage.models import Document, DocumentTextUnit


def is_to_be_cut(session: Session, document_id: str, cut_with: str) -> bool:
    """Whether a document is there and was cut with other settings or never. Locks it until the transaction ends, so
    that no other worker cuts it meanwhile."""
    statement = select(Document.cut_with).where(Document.id == document_id).with_for_update()
    row = session.execute(statement).one_or_none()
    return row is not None and row[0] != cut_with


def replace(session: Session, document_id: str, rows: Iterable[Mapping[str, Any]], cut_with: str) -> int:
    """Write the text units of a document in place of those that it has; returns how many they are."""
    session.execute(delete(DocumentTextUnit).where(DocumentTextUnit.document_id == document_id))
    count = insert_rows(session, DocumentTextUnit, rows)
    session.execute(update(Document).where(Document.id == document_id).values(cut_with=cut_with))
    return count


def uncut(session: Session, collection_id: str, cut_with: str) -> list[str]:
    """The ids of documents without text units of these settings, by name and content."""
    statement = select(Document.id).where(
        Document.collection_id == collection_id, or_(Document.cut_with.is_(None), Document.cut_with != cut_with)
    )
    return list(session.execute(statement.order_by(Document.name, Document.sha256)).scalars())


def cut_before(
    session: Session, document_id: str, cut_with: str, number: int, limit: int
) -> list[DocumentTextUnit] | None:
    """Up to `limit` text units of a document from `number` on; None when they are not of these settings, or not
    any more."""
    behind = (DocumentTextUnit.document_id == Document.id) & (DocumentTextUnit.number >= number)
    statement = (
        select(Document.cut_with, DocumentTextUnit)  # in one statement: another worker may be cutting it anew
        .outerjoin(DocumentTextUnit, behind)
        .where(Document.id == document_id)
        .order_by(DocumentTextUnit.number)
        .limit(limit)
    )
    rows = session.execute(statement).all()
    if not rows or rows[0][0] != cut_with:
        return None
    return [unit for _, unit in rows if unit is not None]


class UnitWithDocument(NamedTuple):
    """A text unit and the document that it is of."""

    unit: DocumentTextUnit
    document: Document


def with_documents(session: Session, ids: Iterable[str]) -> list[UnitWithDocument]:
    """Text units by id with their documents, in the order asked for; those that are gone are left out."""
    wanted = list(ids)
    statement = (
        select(DocumentTextUnit, Document)
        .join(Document, Document.id == DocumentTextUnit.document_id)
        .where(DocumentTextUnit.id.in_(wanted))
    )
    found = {unit.id: UnitWithDocument(unit, document) for unit, document in session.execute(statement)}
    return [found[identity] for identity in wanted if identity in found]
