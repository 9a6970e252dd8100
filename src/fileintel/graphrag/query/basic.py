"""Basic search: a question answered from the text units of an index that are nearest to it; the graph is not looked
at. As graphrag's basic search."""

from fileintel.graphrag.query.asking import IndexAsking, Reply
from fileintel.graphrag.query.final_answer import found_only, replied, said
from fileintel.graphrag.query.mode import Answering, Subject
from fileintel.graphrag.query.modes import BASIC
from fileintel.graphrag.query.pieces import Piece, source_of
from fileintel.graphrag.query.sources import PASSAGES, answer_from, fitting
from fileintel.graphrag.stages.embed import TEXT_UNITS
from fileintel.storage import context_rows, search

NOTHING_NEAR = "The index has no passage that could answer this question."


def answer(asking: IndexAsking) -> Reply:
    """Answer from the nearest text units, as many as the settings allow.

    Raises:
      ConfigError: the settings leave no room for a single one.
      NoUsableAnswer: the model gave none.
    """
    pieces = fitting(asking, _nearest(asking))
    by_id = pieces.by_id()
    context = {"sources": len(by_id)}
    if asking.query_request.search_only:
        return found_only(asking, BASIC, by_id, context)
    if not by_id:
        return replied(asking, BASIC, said(asking, NOTHING_NEAR), by_id, context)
    return replied(asking, BASIC, answer_from(asking, pieces), by_id, context)


def _nearest(asking: IndexAsking) -> list[Piece]:
    vector, version_id = asking.vector(), asking.version.id
    with asking.database.transaction() as session:
        near = search.nearest(session, version_id, TEXT_UNITS, vector, asking.settings.query.vector_top_k)
        return list(map(source_of, context_rows.units(session, version_id, [one.id for one in near])))


def _suits(subject: Subject) -> str | None:
    has_entities = subject.asking.version.counts.get("entities")
    return None if has_entities else "the index has no entities, so its passages are looked at"


DECLARATION = Answering(answer, prompts=(PASSAGES,), suits=_suits)
