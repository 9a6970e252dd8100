"""Local search: a question about particular things, answered from what surrounds the nearest entities.

The context is built as in graphrag's local search: entities near the question; the reports of their
communities; the relationships around them; and passages, which here also come in by their own nearness.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from fileintel.graphrag.prompts import PromptKind
from fileintel.graphrag.query.asking import IndexAsking, Reply
from fileintel.graphrag.query.background_result import BackgroundResult
from fileintel.graphrag.query.final_answer import conclude, expect_room, found_only, replied, said
from fileintel.graphrag.query.mode import Answering
from fileintel.graphrag.query.modes import LOCAL
from fileintel.graphrag.query.pieces import ENTITIES, RELATIONSHIPS, REPORTS, SOURCES, Piece, Pieces, report, source_of
from fileintel.graphrag.stages.embed import TEXT_UNITS
from fileintel.storage import context_rows, search
from fileintel.storage.context_rows import Linked, NearEntity, NearRelationship
from fileintel.storage.search import Near, NearReport

PROMPT = PromptKind("local_search_system_prompt.txt", data=("context_data",), fixed=("response_type",))
NEAREST_PASSAGES = 10  # passages that come in by nearness to the question alone
LINK_BONUS = 0.02  # similarity that each link of a passage to a chosen entity is worth; ten outweigh 0.2
MOST_LINKS = 10
MOST_LINKED = 200  # passages behind the chosen part of the graph that are compared with the question
NOTHING_THERE = "The index holds nothing that could answer this question."


@dataclass(frozen=True)
class Context:
    """What the model is shown; `near` are the ids of the passages of the whole index that are nearest to the question,
    in order."""

    pieces: Pieces
    near: list[str]


@dataclass(frozen=True)
class Budget:
    """The tokens of a context, and which shares of them are for passages and for reports."""

    tokens: int
    text_units: float
    reports: float


def answer(asking: IndexAsking) -> Reply:
    """Answer from the neighbourhood of the entities nearest to the question.

    Raises:
      ConfigError: the settings leave no room for anything.
      NoUsableAnswer: the model gave none.
    """
    query = asking.settings.query
    budget = Budget(query.local_max_context_tokens, query.local_text_unit_share, query.local_community_share)
    context = context_for(asking, asking.vector(), budget)
    pieces = context.pieces
    expect_room(pieces, "local_max_context_tokens", budget.tokens, was_there=bool(asking.version.counts))
    by_id = pieces.by_id()
    counts = {name.lower(): len(rows) for name, rows in pieces.sections.items()}
    if asking.query_request.search_only:
        return found_only(asking, LOCAL, by_id, counts, context.near)
    if not by_id:
        return replied(asking, LOCAL, said(asking, NOTHING_THERE), by_id, counts)
    messages = asking.prompts.load(PROMPT).messages(
        asking.language, context_data=pieces.text(), response_type=asking.response_type
    )
    checked = conclude(asking, "local_answer", messages, by_id)
    return replied(asking, LOCAL, checked, by_id, counts, near=context.near)


def context_for(asking: IndexAsking, vector: Sequence[float], budget: Budget) -> Context:
    """What surrounds the entities nearest to a vector, within a budget.

    The two searches for what is nearest take the most time: the one for passages goes on in a second process of the
    database, while entities, reports and relationships are looked for.
    """
    version_id, pieces = asking.version.id, Pieces()
    with BackgroundResult(lambda: _nearest_passages(asking, vector)) as passages:
        entities, relationships = _graph_around(asking, vector, budget, pieces)
        near = passages.result()
    with asking.database.transaction() as session:
        linked = context_rows.linked_units(
            session,
            version_id,
            vector,
            near,
            [one.id for one in entities],
            [one.id for one in relationships],
            most_linked=MOST_LINKED,
        )
        at_once = 1 + int(budget.tokens * budget.text_units) // asking.settings.chunking.size
        sources = _in_portions(session, version_id, _ranked(linked), at_once)
        pieces.fill(SOURCES, sources, int(budget.tokens * budget.text_units), asking.tokenizer.count)
    return Context(pieces, [one.id for one in near])


def _nearest_passages(asking: IndexAsking, vector: Sequence[float]) -> list[Near]:
    with asking.database.transaction() as session:
        return search.nearest(session, asking.version.id, TEXT_UNITS, vector, search.SEARCH_EFFORT)


def _graph_around(
    asking: IndexAsking, vector: Sequence[float], budget: Budget, pieces: Pieces
) -> tuple[list[NearEntity], list[NearRelationship]]:
    """The entities nearest to a vector and the relationships around them; they and the reports of their communities
    are put into the pieces."""
    query, version_id, count = asking.settings.query, asking.version.id, asking.tokenizer.count
    with asking.database.transaction() as session:
        entities = context_rows.nearest_entities(session, version_id, vector, query.top_k_entities)
        ids, titles = [one.id for one in entities], [one.title for one in entities]
        reports = context_rows.reports_around(session, version_id, ids, query.community_level)
        used = pieces.fill(REPORTS, map(_report_piece, reports), int(budget.tokens * budget.reports), count)
        room = int(budget.tokens * (1 - budget.text_units)) - used
        room -= pieces.fill(ENTITIES, map(_entity_piece, entities), room, count)
        most = query.top_k_relationships * len(titles)
        relationships = context_rows.relationships_around(session, version_id, titles, most)
    pieces.fill(RELATIONSHIPS, map(_relationship_piece, relationships), room, count)
    return entities, relationships


def _ranked(linked: Sequence[Linked]) -> list[str]:
    """Passages by nearness to the question, with a bonus for each link to the chosen part of the graph: the nearest
    ones, and those that much of the chosen part rests on."""
    most_linked = sorted((one for one in linked if one.links), key=lambda one: (-one.links, one.id))[:MOST_LINKED]
    chosen = {one.id: one for one in linked if one.place is not None and one.place <= NEAREST_PASSAGES}
    chosen.update({one.id: one for one in most_linked})

    def score(one: Linked) -> tuple[float, str]:
        return -(one.similarity + LINK_BONUS * min(MOST_LINKS, one.links)), one.id

    return [one.id for one in sorted(chosen.values(), key=score)]


def _in_portions(session: Session, version_id: str, ids: Sequence[str], at_once: int) -> Iterator[Piece]:
    """Passages, read a few at a time as they are taken."""
    for start in range(0, len(ids), at_once):
        yield from map(source_of, context_rows.units(session, version_id, ids[start : start + at_once]))


def _report_piece(found: NearReport) -> Piece:
    return report(*found)


def _entity_piece(entity: NearEntity) -> Piece:
    return Piece(f"E{entity.number}", (entity.title, entity.type, entity.description), entity.id)


def _relationship_piece(found: NearRelationship) -> Piece:
    return Piece(f"L{found.number}", (found.source, found.target, found.description, found.weight), found.id)


DECLARATION = Answering(answer, prompts=(PROMPT,))
