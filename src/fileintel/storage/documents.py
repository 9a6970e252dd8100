"""Documents and their pages."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import delete, func, or_, select, tuple_, update
from sqlalchemy.orm import Session

from fileintel.errors import AmbiguousName, NotFoundError
from fileintel.identity import as_id
from fileintel.storage.bulk_insert import insert_rows
from fileintel.storage.models import Document, DocumentPage, utc_now

GAPS = "gaps"  # the property that lists what of a document could not be read: first_page, last_page, reason
IDS_NAMED = 5  # of documents with the same name
PAGES_PER_QUERY = 200  # of about 3,000 characters: below a megabyte at once


def in_collection(session: Session, collection_id: str) -> list[Document]:
    """The documents of a collection, by name and content: an order that does not depend on when they came."""
    statement = select(Document).where(Document.collection_id == collection_id).order_by(Document.name, Document.sha256)
    return list(session.execute(statement).scalars())


def page(session: Session, collection_id: str, limit: int, after: tuple[str, str] | None = None) -> list[Document]:
    """Up to `limit` documents of a collection by name and content, behind that name and hash."""
    statement = select(Document).where(Document.collection_id == collection_id)
    if after is not None:
        statement = statement.where(tuple_(Document.name, Document.sha256) > after)
    return list(session.execute(statement.order_by(Document.name, Document.sha256).limit(limit)).scalars())


def add(session: Session, document: Document) -> None:
    """Write a new document's row; its pages come after it."""
    session.add(document)
    session.flush()


def ids_in_collection(session: Session, collection_id: str) -> list[str]:
    """The ids of a collection's documents, in the same order."""
    statement = select(Document.id).where(Document.collection_id == collection_id)
    return list(session.execute(statement.order_by(Document.name, Document.sha256)).scalars())


def locked(session: Session, document_id: str) -> Document:
    """A document, locked: its row changes only in this transaction until that ends.

    Raises:
      NotFoundError: it is gone.
    """
    statement = select(Document).where(Document.id == document_id).with_for_update()
    found = session.execute(statement.execution_options(populate_existing=True)).scalar_one_or_none()
    if found is None:
        raise NotFoundError(f"document {document_id} has just been deleted")
    return found


def set_extracted(session: Session, document_id: str, metadata: dict[str, Any], model: str) -> None:
    """Keep what a model says about a document; the moment is that of the first time that it said this."""
    same = (Document.extracted == metadata) & (Document.extracted_by == model)
    session.execute(
        update(Document)
        .where(Document.id == document_id, or_(Document.extracted.is_(None), ~same))
        .values(extracted=metadata, extracted_by=model, extracted_at=utc_now())
        .execution_options(synchronize_session=False)
    )


def set_edited(session: Session, document: Document, metadata: dict[str, Any]) -> None:
    """Keep a person's values for the metadata of a locked document."""
    document.edited, document.edited_at = metadata, utc_now()
    session.flush()


class MetadataCounts(NamedTuple):
    """How many documents a collection has, and of how many a model has told the metadata."""

    documents: int
    extracted: int


def extracted_count(session: Session, collection_id: str) -> MetadataCounts:
    """Count a collection's documents, with and without metadata by a model."""
    statement = select(func.count(), func.count(Document.extracted_at)).where(Document.collection_id == collection_id)
    total, extracted = session.execute(statement).one()
    return MetadataCounts(int(total), int(extracted))


def with_content(session: Session, collection_id: str, sha256: str) -> Document | None:
    """The document of a collection that has these very bytes."""
    statement = select(Document).where(Document.collection_id == collection_id, Document.sha256 == sha256)
    return session.execute(statement).scalar_one_or_none()


def find(session: Session, name_or_id: str, collection_id: str | None = None) -> Document:
    """The document of that id or file name.

    Raises:
      NotFoundError: there is none.
      AmbiguousName: the name fits several.
    """
    matches = [Document.name == name_or_id]
    if (identity := as_id(name_or_id)) is not None:
        matches.append(Document.id == identity)
    statement = select(Document).where(or_(*matches))
    if collection_id is not None:
        statement = statement.where(Document.collection_id == collection_id)
    found = list(session.execute(statement.order_by(Document.created_at, Document.id).limit(IDS_NAMED + 1)).scalars())
    if not found:
        raise NotFoundError(
            f"there is no document {name_or_id!r}: `fileintel documents list COLLECTION` shows those there are"
        )
    if len(found) > 1:
        ids = ", ".join(document.id for document in found[:IDS_NAMED])
        more = ", …" if len(found) > IDS_NAMED else ""
        raise AmbiguousName(f"several documents are named {name_or_id!r}: give the id of one of them ({ids}{more})")
    return found[0]


def add_pages(session: Session, document_id: str, pages: Iterable[tuple[int, str | None, int, int, str]]) -> None:
    """Write pages: number, label, start, end, text."""
    columns = ("number", "label", "start", "end", "text")
    insert_rows(
        session, DocumentPage, ({"document_id": document_id, **dict(zip(columns, p, strict=True))} for p in pages)
    )


def set_extent(session: Session, document_id: str, pages: int, characters: int) -> None:
    """Write how long a document turned out to be."""
    session.execute(update(Document).where(Document.id == document_id).values(pages=pages, characters=characters))


def pages_from(session: Session, document_id: str, number: int, limit: int = PAGES_PER_QUERY) -> list[DocumentPage]:
    """Up to `limit` pages, from page `number` on."""
    statement = (
        select(DocumentPage)
        .where(DocumentPage.document_id == document_id, DocumentPage.number >= number)
        .order_by(DocumentPage.number)
        .limit(limit)
    )
    return list(session.execute(statement).scalars())


def all_pages(session: Session, document_id: str) -> Iterator[DocumentPage]:
    """All pages in order, a batch at a time."""
    number = 0
    while batch := pages_from(session, document_id, number):
        yield from batch
        number = batch[-1].number + 1
        session.expunge_all()


def remove(session: Session, document_id: str) -> None:
    """Delete a document and its pages."""
    session.execute(delete(Document).where(Document.id == document_id))
