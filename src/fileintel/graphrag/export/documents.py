"""The table of documents, their texts put together again from the text units.

The text units are what the version knows of a document: it may have been deleted since, or stored again by a newer
reader that sees another text in the same file. They overlap, and those of white space alone were never stored.
The pages are those of the stored document, as long as they make up a text of the same length.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from fileintel.graphrag.export import columns
from fileintel.graphrag.export.reading import as_text, in_order
from fileintel.storage.engine import Database
from fileintel.storage.models import Document, DocumentPage, IndexedDocument, TextUnit

DOCUMENTS_PER_QUERY = 1_000
UNITS_PER_QUERY = 500  # of some thousand characters each: about two megabytes
PAGES_PER_QUERY = 5_000  # without their texts
BATCH_CHARACTERS = 2_000_000  # texts that are written together; a longer one is written alone

Piece = tuple[int, str]  # where it begins in the document, in characters, and its text
Row = tuple[str, int, str, str, list[str], str, dict[str, Any]]


def batches(database: Database, version_id: str) -> Iterator[columns.Batch]:
    """The rows of `documents`."""
    rows: list[Row] = []
    characters = 0
    for row in _rows(database, version_id):
        rows.append(row)
        characters += len(row[3])
        if characters >= BATCH_CHARACTERS or len(rows) == DOCUMENTS_PER_QUERY:
            yield columns.batch(columns.DOCUMENTS, rows)
            rows, characters = [], 0
    if rows:
        yield columns.batch(columns.DOCUMENTS, rows)


def joined(pieces: Iterable[Piece], blank: Callable[[int, int], str]) -> Iterator[str]:
    """The text that overlapping pieces, in order, make up; `blank(start, end)` gives the stretches between them."""
    reached = 0
    for start, text in pieces:
        if start > reached:
            yield blank(reached, start)
            reached = start
        if start + len(text) > reached:
            yield text[reached - start :]
            reached = start + len(text)


def _rows(database: Database, version_id: str) -> Iterator[Row]:
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
    for batch in in_order(database, statement, order, DOCUMENTS_PER_QUERY):
        for identity, number, title, name, sha256, created_at, characters, media_type, size, *_ in batch:
            content = _Content(database, version_id, identity)
            text = content.text(characters or 0)
            file = {"name": name, "sha256": sha256, "media_type": media_type, "size": size}
            file["pages"] = _pages(database, identity, len(text))
            yield identity, number, title, text, content.unit_ids, _moment(created_at), file


def _pages(database: Database, document_id: str, characters: int) -> list[dict[str, Any]]:
    """The pages of the stored document; none where they do not make up a text of this length."""
    statement = select(DocumentPage.label, DocumentPage.start, DocumentPage.end).where(
        DocumentPage.document_id == document_id
    )
    pages: list[dict[str, Any]] = []
    reached = 0
    for batch in in_order(database, statement, (DocumentPage.number,), PAGES_PER_QUERY):
        pages += ({"label": label or "", "characters": end - start} for label, start, end, *_ in batch)
        reached = batch[-1][2]
    return pages if reached == characters else []


class _Content:
    """One document's text, and the ids of its text units once that has been read."""

    def __init__(self, database: Database, version_id: str, document_id: str) -> None:
        self._database = database
        self._version_id = version_id
        self._document_id = document_id
        self.unit_ids: list[str] = []

    def text(self, characters: int) -> str:
        """The text; `characters` is the length of the stored document, 0 when it has been deleted."""
        text = "".join(joined(self._pieces(), self._blank))
        if characters > len(text):
            tail = self._stored(len(text), characters)
            text += tail if tail.isspace() else ""
        return text

    def _pieces(self) -> Iterator[Piece]:
        statement = select(as_text(TextUnit.id), TextUnit.start, TextUnit.text).where(
            TextUnit.version_id == self._version_id, TextUnit.document_id == self._document_id
        )
        order = TextUnit.human_readable_id, TextUnit.id
        for batch in in_order(self._database, statement, order, UNITS_PER_QUERY):
            for identity, start, text, *_ in batch:
                self.unit_ids.append(identity)
                yield start, text

    def _blank(self, start: int, end: int) -> str:
        """White space: as the pages have it, or as spaces where they do not tell."""
        stored = self._stored(start, end)
        return stored if stored.isspace() and len(stored) == end - start else " " * (end - start)

    def _stored(self, start: int, end: int) -> str:
        statement = (
            select(DocumentPage.start, DocumentPage.text)
            .where(DocumentPage.document_id == self._document_id, DocumentPage.start < end, DocumentPage.end > start)
            .order_by(DocumentPage.number)
        )
        with self._database.transaction() as session:
            pages = session.execute(statement).all()
        return "".join(text[max(0, start - first) : end - first] for first, text in pages)


def _moment(time: datetime) -> str:
    """A time as upstream writes it, always in UTC."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S %z")
