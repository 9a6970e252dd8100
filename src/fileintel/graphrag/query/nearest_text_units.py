"""Vector search: a question answered from the text units of a collection that are nearest to it. Needs no graph."""

from collections.abc import Sequence
from dataclasses import dataclass

from fileintel.documents.metadata import shown_title
from fileintel.graphrag.query.asking import Reply, VectorAsking
from fileintel.graphrag.query.citations import Citation, cite, citing_words
from fileintel.graphrag.query.pieces import Piece, source
from fileintel.graphrag.query.sources import answer_from, fitting
from fileintel.storage import document_text_units, vectors
from fileintel.storage.models import Document, DocumentTextUnit

MODE = "vector"
NOTHING_NEAR = "The collection has no passage that could answer this question."


@dataclass(frozen=True)
class _Found:
    """A text unit that was found, with its document's names as citations give them."""

    unit: DocumentTextUnit
    name: str
    title: str


def answer(asking: VectorAsking) -> Reply:
    """Answer from the nearest text units, as many as the settings allow.

    Raises:
      ConfigError: the settings leave no room for a single text unit.
      FileIntelError: the model gave no usable answer.
    """
    found = _nearest(asking, asking.vector())
    rows = [_piece(number, one) for number, one in enumerate(found, 1)]
    pieces = fitting(asking, rows)
    if not found:
        return Reply(MODE, NOTHING_NEAR, [], 0, {"sources": 0})
    checked = answer_from(asking, pieces)
    cited = {row.id: one for row, one in zip(rows, found, strict=True)}
    citations = _citations(asking, checked.text, [(identity, cited[identity]) for identity in checked.cited])
    return Reply(MODE, checked.text, citations, checked.unknown, {"sources": len(pieces.by_id())})


def _nearest(asking: VectorAsking, vector: Sequence[float]) -> list[_Found]:
    with asking.database.transaction() as session:
        near = vectors.nearest(session, asking.vector_set, vector, asking.settings.query.vector_top_k)
        return [_found(*pair) for pair in document_text_units.with_documents(session, [one.id for one in near])]


def _found(unit: DocumentTextUnit, document: Document) -> _Found:
    title = shown_title(document.title, document.extracted, document.edited)
    return _Found(unit, document.name, title)


def _piece(number: int, found: _Found) -> Piece:
    unit = found.unit
    return source(number, found.name, unit.first_page, unit.last_page, unit.text, unit.id)


def _citations(asking: VectorAsking, text: str, cited: Sequence[tuple[str, _Found]]) -> list[Citation]:
    words = citing_words(text)
    with asking.database.transaction() as session:
        return [cite(session, id_, words[id_], found.unit, found) for id_, found in cited]
