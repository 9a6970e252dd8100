"""Vector search: a question answered from the passages of a collection that are nearest to it. Needs no graph."""

from collections.abc import Sequence
from dataclasses import dataclass

from fileintel.documents.metadata import shown_title
from fileintel.graphrag.query.asking import PassageAsking, Reply
from fileintel.graphrag.query.citations import Citation, cite, citing_words
from fileintel.graphrag.query.pieces import Piece, source
from fileintel.graphrag.query.sources import answer_from, fitting
from fileintel.storage import passages, vectors
from fileintel.storage.models import Document, Passage

MODE = "vector"
NOTHING_NEAR = "The collection has no passage that could answer this question."


@dataclass(frozen=True)
class _Found:
    """A passage that was found, with its document's names as citations give them."""

    passage: Passage
    name: str
    title: str


def answer(asking: PassageAsking) -> Reply:
    """Answer from the nearest passages, as many as the settings allow.

    Raises:
      ConfigError: the settings leave no room for a single passage.
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


def _nearest(asking: PassageAsking, vector: Sequence[float]) -> list[_Found]:
    with asking.database.transaction() as session:
        near = vectors.nearest(session, asking.vector_set, vector, asking.settings.query.vector_top_k)
        return [_found(*pair) for pair in passages.with_documents(session, [one.id for one in near])]


def _found(passage: Passage, document: Document) -> _Found:
    title = shown_title(document.title, document.extracted, document.edited)
    return _Found(passage, document.name, title)


def _piece(number: int, found: _Found) -> Piece:
    passage = found.passage
    return source(number, found.name, passage.first_page, passage.last_page, passage.text, passage.id)


def _citations(asking: PassageAsking, text: str, cited: Sequence[tuple[str, _Found]]) -> list[Citation]:
    words = citing_words(text)
    with asking.database.transaction() as session:
        return [cite(session, id_, words[id_], found.passage, found) for id_, found in cited]
