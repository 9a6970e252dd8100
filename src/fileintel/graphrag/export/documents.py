"""The table of documents, their texts put together again from the text units.

The text units are what the version knows of a document: it may have been deleted since, or stored again by a newer
reader that sees another text in the same file. They overlap, and those of white space alone were never stored.
The pages are those of the stored document, as long as they make up a text of the same length.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from fileintel.graphrag.export import columns
from fileintel.storage import index_tables
from fileintel.storage.engine import Database

DOCUMENTS_PER_BATCH = 1_000
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
        if characters >= BATCH_CHARACTERS or len(rows) == DOCUMENTS_PER_BATCH:
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
    for one in index_tables.documents(database, version_id):
        content = _Content(database, version_id, one.id)
        text = content.text(one.characters or 0)
        file: dict[str, Any] = {"name": one.name, "sha256": one.sha256, "media_type": one.media_type, "size": one.size}
        file["pages"] = _pages(database, one.id, len(text))
        yield one.id, one.human_readable_id, one.title, text, content.unit_ids, _moment(one.created_at), file


def _pages(database: Database, document_id: str, characters: int) -> list[dict[str, Any]]:
    """The pages of the stored document; none where they do not make up a text of this length."""
    pages: list[dict[str, Any]] = []
    reached = 0
    for page in index_tables.document_pages(database, document_id):
        pages.append({"label": page.label or "", "characters": page.end - page.start})
        reached = page.end
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
        for unit in index_tables.unit_texts(self._database, self._version_id, self._document_id):
            self.unit_ids.append(unit.id)
            yield unit.start, unit.text

    def _blank(self, start: int, end: int) -> str:
        """White space: as the pages have it, or as spaces where they do not tell."""
        stored = self._stored(start, end)
        return stored if stored.isspace() and len(stored) == end - start else " " * (end - start)

    def _stored(self, start: int, end: int) -> str:
        return index_tables.document_stretch(self._database, self._document_id, start, end)


def _moment(time: datetime) -> str:
    """A time as upstream writes it, always in UTC."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S %z")
