"""Local search: a question about particular things, answered from what surrounds the nearest entities.

The context is built as in graphrag's local search: entities near the question; the reports of their
communities; the relationships around them; and passages, which here also come in by their own nearness.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from fileintel.graphrag.prompts import LOCAL as PROMPT
from fileintel.graphrag.query.asking import IndexAsking, Reply
from fileintel.graphrag.query.concluding import conclude, expect_room, found_only, replied, said
from fileintel.graphrag.query.inquiry import LOCAL
from fileintel.graphrag.query.pieces import ENTITIES, RELATIONSHIPS, REPORTS, SOURCES, Piece, Pieces, report, source
from fileintel.graphrag.stages.embed import ENTITIES as ENTITY_VECTORS
from fileintel.graphrag.stages.embed import TEXT_UNITS as TEXT_UNIT_VECTORS
from fileintel.storage import search
from fileintel.storage.models import CommunityReport, Entity, Relationship, TextUnit

NEAREST_PASSAGES = 10  # passages that come in by nearness to the question alone
LINK_BONUS = 0.02  # similarity that each link of a passage to a chosen entity is worth; ten outweigh 0.2
MOST_LINKS = 10
MOST_LINKED = 200  # passages behind the chosen part of the graph that are compared with the question
SPARE_PASSAGES = 3  # that are read beyond twice as many as have room, since passages differ in size
NOTHING_THERE = "The index holds nothing that could answer this question."


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
    pieces = context_for(asking, asking.vector(), budget)
    expect_room(pieces, "local_max_context_tokens", budget.tokens, was_there=bool(asking.version.counts))
    by_id = pieces.by_id()
    counts = {name.lower(): len(rows) for name, rows in pieces.sections.items()}
    if asking.inquiry.search_only:
        return found_only(asking, LOCAL, by_id, counts)
    if not by_id:
        return Reply(LOCAL, said(asking, NOTHING_THERE).text, [], 0, counts)
    messages = asking.prompts.load(PROMPT).messages(
        asking.language, context_data=pieces.text(), response_type=asking.response_type
    )
    checked = conclude(asking, "local_answer", messages, by_id)
    return replied(asking, LOCAL, checked, by_id, counts)


def context_for(asking: IndexAsking, vector: Sequence[float], budget: Budget) -> Pieces:
    """What surrounds the entities nearest to a vector, within a budget."""
    with asking.database.transaction() as session:
        found = _Found(asking, session, vector, budget)
        pieces, count = Pieces(), asking.tokenizer.count
        used = pieces.fill(REPORTS, map(_report_piece, found.reports), int(budget.tokens * budget.reports), count)
        room = int(budget.tokens * (1 - budget.text_units)) - used
        room -= pieces.fill(ENTITIES, map(_entity_piece, found.entities), room, count)
        pieces.fill(RELATIONSHIPS, map(_relationship_piece, found.relationships), room, count)
        sources = [_source_piece(unit, found.names[unit.document_id]) for unit in found.passages]
        pieces.fill(SOURCES, sources, int(budget.tokens * budget.text_units), count)
    return pieces


class _Found:
    """Everything that may come into a context, the most important first."""

    def __init__(self, asking: IndexAsking, session: Session, vector: Sequence[float], budget: Budget) -> None:
        query, version_id = asking.settings.query, asking.version.id
        near = search.nearest(session, version_id, ENTITY_VECTORS, vector, query.top_k_entities)
        ids = [one.id for one in near]
        self.entities = search.entities(session, version_id, ids)
        titles = [entity.title for entity in self.entities]
        self.relationships = search.relationships_of(
            session, version_id, titles, query.top_k_relationships * len(titles)
        )
        self.reports = search.reports_of(session, version_id, ids, query.community_level)
        most = SPARE_PASSAGES + 2 * int(budget.tokens * budget.text_units) // asking.settings.chunking.size
        near_passages = _passages(session, version_id, vector, self.entities, self.relationships)
        self.passages = search.text_units(session, version_id, near_passages[:most])
        documents = search.documents(session, version_id, {unit.document_id for unit in self.passages})
        self.names = {identity: document.name for identity, document in documents.items()}


def _passages(
    session: Session,
    version_id: str,
    vector: Sequence[float],
    entities: Sequence[Entity],
    relationships: Sequence[Relationship],
) -> list[str]:
    """The ids of passages by nearness to the question, with a bonus for each link to the chosen part of the graph."""
    links = Counter(identity for entity in entities for identity in entity.text_unit_ids)
    links.update(identity for relationship in relationships for identity in relationship.text_unit_ids)
    near = {one.id: one for one in search.nearest(session, version_id, TEXT_UNIT_VECTORS, vector, NEAREST_PASSAGES)}
    # of a hub's thousands of passages those that much of the chosen part rests on
    most_linked = sorted(links, key=lambda identity: (-links[identity], identity))[:MOST_LINKED]
    linked = search.nearest(session, version_id, TEXT_UNIT_VECTORS, vector, len(most_linked), among=most_linked)
    near.update({one.id: one for one in linked})

    def score(one: search.Near) -> tuple[float, str]:
        return -(one.similarity + LINK_BONUS * min(MOST_LINKS, links[one.id])), one.id

    ranked = sorted(near.values(), key=score)
    return [one.id for one in ranked]


def _report_piece(found: CommunityReport) -> Piece:
    return report(found.community, found.title, found.full_content)


def _entity_piece(entity: Entity) -> Piece:
    fields = (entity.title, entity.type, entity.description)
    return Piece(f"E{entity.human_readable_id}", fields, tuple(entity.text_unit_ids))


def _relationship_piece(relationship: Relationship) -> Piece:
    fields = (relationship.source, relationship.target, relationship.description, relationship.weight)
    return Piece(f"L{relationship.human_readable_id}", fields, tuple(relationship.text_unit_ids))


def _source_piece(unit: TextUnit, document: str) -> Piece:
    return source(unit.human_readable_id, document, unit.first_page, unit.last_page, unit.text, unit.id)
