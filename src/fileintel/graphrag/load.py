"""From the stored pages to text units: the first stages, which ask no model."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial

from fileintel.config import ChunkingSettings
from fileintel.documents.passages import cut
from fileintel.graphrag.model import TextUnit
from fileintel.llm.tokenizer_file import tokenizer_for
from fileintel.storage import documents
from fileintel.storage.engine import Database
from fileintel.storage.models import Document, DocumentPage


def text_units(database: Database, sources: list[Document], chunking: ChunkingSettings) -> list[TextUnit]:
    """The text units of these documents: their passages, numbered through. They are cut anew from the pages, so that
    an index depends on nothing but documents and settings."""
    tokenizer = tokenizer_for(chunking)
    units: list[TextUnit] = []
    for document in sources:
        for passage in cut(document.id, _pages(database, document.id), tokenizer, chunking):
            units.append(TextUnit(**{**asdict(passage), "number": len(units)}))
    return units


def _pages(database: Database, document_id: str) -> Iterator[DocumentPage]:
    """A document's pages, each batch in a transaction of its own: none is open while text is cut."""
    number = 0
    while batch := database.insist(partial(documents.pages_from, document_id=document_id, number=number)):
        yield from batch
        number = batch[-1].number + 1
