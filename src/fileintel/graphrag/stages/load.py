"""The stages `load` and `text_units`, from the stored pages to text units; they ask no model."""

from collections.abc import Iterable, Iterator
from dataclasses import fields
from functools import partial

from fileintel.config import ChunkingSettings
from fileintel.documents.text_units import cut, cut_name
from fileintel.errors import EmptyCollectionError
from fileintel.graphrag import rows
from fileintel.graphrag.build import BuildInputs, IndexParts
from fileintel.graphrag.model import TextUnit
from fileintel.graphrag.stages.stage import Stage, Table
from fileintel.llm.tokenizer_file import tokenizer_for
from fileintel.storage import document_text_units, documents
from fileintel.storage.engine import Database
from fileintel.storage.models import Document, DocumentPage, IndexedDocument
from fileintel.storage.models import TextUnit as TextUnitRow

LOAD, TEXT_UNITS = "load", "text_units"
UNITS_PER_QUERY = 500
_FIELDS = tuple(field.name for field in fields(TextUnit))


def read(run: BuildInputs) -> IndexParts:
    """The documents of a build and their text units.

    Raises:
      EmptyCollectionError: there is no text in the documents.
    """
    run.progress.begin(LOAD, len(run.documents))
    run.progress.complete(LOAD, len(run.documents))
    run.progress.begin(TEXT_UNITS)
    units = text_units(run.database, list(run.documents), run.settings.chunking)
    run.progress.complete(TEXT_UNITS, len(units))
    if not units:
        raise EmptyCollectionError("the collection's documents hold no text: add some with `fileintel documents add`")
    return IndexParts(run.documents, units)


def text_units(database: Database, sources: Iterable[Document], chunking: ChunkingSettings) -> list[TextUnit]:
    """The text units of these documents: those of each, numbered through. What was cut with these settings when it
    came in is read; the rest is cut here, the same way: so an index depends on nothing but documents and settings."""
    name = cut_name(chunking)
    units: list[TextUnit] = []
    for document in sources:
        stored = _stored(database, document.id, name) if document.cut_with == name else None
        found = _cut(database, document.id, chunking) if stored is None else stored
        for unit in found:
            unit.number = len(units)
            units.append(unit)
    return units


def are_cut(sources: Iterable[Document], chunking: ChunkingSettings) -> bool:
    """Whether the text units of these documents can be read, so that no token has to be counted for them."""
    name = cut_name(chunking)
    return all(document.cut_with == name for document in sources)


def _stored(database: Database, document_id: str, name: str) -> list[TextUnit] | None:
    """The stored text units of a document, if all of them are of these settings."""
    found: list[TextUnit] = []
    of_document = partial(document_text_units.cut_before, document_id=document_id, cut_with=name, limit=UNITS_PER_QUERY)
    while True:
        batch = database.retrying(partial(of_document, number=len(found)))
        if batch is None:
            return None
        found += (TextUnit(*(getattr(unit, name) for name in _FIELDS)) for unit in batch)
        if len(batch) < UNITS_PER_QUERY:
            return found


def _cut(database: Database, document_id: str, chunking: ChunkingSettings) -> Iterator[TextUnit]:
    return cut(document_id, _pages(database, document_id), tokenizer_for(chunking), chunking)


def _pages(database: Database, document_id: str) -> Iterator[DocumentPage]:
    """A document's pages, each batch in a transaction of its own: none is open while text is cut."""
    number = 0
    while batch := database.retrying(partial(documents.pages_from, document_id=document_id, number=number)):
        yield from batch
        number = batch[-1].number + 1


LOADING = Stage(
    LOAD,
    tables=(Table(IndexedDocument, "documents", lambda version, parts: rows.document_rows(version, parts.documents)),),
)
CUTTING = Stage(
    TEXT_UNITS,
    tables=(Table(TextUnitRow, "text_units", lambda version, parts: rows.text_unit_rows(version, parts.units)),),
)
