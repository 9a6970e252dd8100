"""From the stored pages to text units: the first stages, which ask no model."""

from bisect import bisect_right
from collections.abc import Iterator
from functools import partial

from fileintel.documents.chunk import Chunk, chunk_text
from fileintel.graphrag.model import TextUnit
from fileintel.identity import content_id
from fileintel.llm.tokens import Tokenizer
from fileintel.runtime import breathe
from fileintel.storage import documents
from fileintel.storage.engine import Database
from fileintel.storage.models import Document


def text_units(
    database: Database, sources: list[Document], tokenizer: Tokenizer, *, size: int, overlap: int
) -> list[TextUnit]:
    """The text units of these documents, in order. Units without a word in them are left out."""
    units: list[TextUnit] = []
    for document in sources:
        pages = _Pages(database, document.id)
        for chunk in chunk_text(pages.texts(), tokenizer, size=size, overlap=overlap):
            if chunk.text.strip():
                units.append(_unit(document, chunk, pages, len(units)))
            breathe()
    return units


class _Pages:
    """Reads a document's pages batch by batch, and remembers only where each begins."""

    def __init__(self, database: Database, document_id: str) -> None:
        self._database = database
        self._document_id = document_id
        self._starts: list[int] = []
        self._numbers: list[int] = []

    def texts(self) -> Iterator[str]:
        number = 0
        while True:
            batch = self._database.insist(partial(documents.pages_from, document_id=self._document_id, number=number))
            if not batch:
                return
            for page in batch:
                self._starts.append(page.start)
                self._numbers.append(page.number)
                yield page.text
            number = batch[-1].number + 1

    def at(self, offset: int) -> int:
        """The number of the page that holds this character."""
        return self._numbers[max(0, bisect_right(self._starts, offset) - 1)]


def _unit(document: Document, chunk: Chunk, pages: _Pages, number: int) -> TextUnit:
    return TextUnit(
        id=content_id("text unit", document.id, chunk.start, chunk.end, chunk.text),
        number=number,
        document_id=document.id,
        start=chunk.start,
        end=chunk.end,
        first_page=pages.at(chunk.start),
        last_page=pages.at(chunk.end - 1),
        n_tokens=chunk.n_tokens,
        text=chunk.text,
    )
