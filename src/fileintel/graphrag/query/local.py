"""Local search: a question about particular things, answered from what surrounds the nearest entities.

The context is built as in graphrag's local search: entities near the question; the reports of their
communities; the relationships around them; and passages, which here also come in by their own nearness.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from sqlalchemy.orm import Session

from fileintel.graphrag.prompts import LOCAL
from fileintel.graphrag.query.asking import IndexAsking, Reply, good
from fileintel.graphrag.query.citations import Resolver, check
from fileintel.graphrag.query.pieces import ENTITIES, RELATIONSHIPS, REPORTS, SOURCES, Piece, Pieces, source
from fileintel.graphrag.stages.embed import ENTITIES as ENTITY_VECTORS
from fileintel.graphrag.stages.embed import TEXT_UNITS as TEXT_UNIT_VECTORS
from fileintel.llm.questions import ChatQuestion
from fileintel.storage import search
from fileintel.storage.models import CommunityReport, Entity, Relationship, TextUnit

NEAREST_PASSAGES = 10  # passages that come in by nearness to the question alone
LINK_BONUS = 0.02  # similarity that each link of a passage to a chosen entity is worth; ten outweigh 0.2
MOST_LINKS = 10


def answer(asking: IndexAsking) -> Reply:
    """Answer from the neighbourhood of the entities nearest to the question.

    Raises:
      FileIntelError: the model gave no usable answer.
    """
    vector = asking.vector()
    with asking.database.transaction() as session:
        pieces = _pieces(asking, session, vector)
    settings = asking.settings
    messages = asking.prompts.load(LOCAL).messages(
        settings.graphrag.language, context_data=pieces.text(), response_type=settings.query.response_type
    )
    question = ChatQuestion(
        "local_answer", str(asking.chat.endpoint.model), asking.with_question(messages), str.strip, asking.sampling
    )
    (outcome,) = asking.ask("local", [question])
    by_id = pieces.by_id()
    checked = check(good(outcome).value, by_id.__contains__)
    with asking.database.transaction() as session:
        citations = Resolver(session, asking.version.id, vector).resolve(checked.text, checked.cited, by_id)
    counts = {name.lower(): len(rows) for name, rows in pieces.sections.items()}
    return Reply("local", checked.text, citations, checked.unknown, counts)


def _pieces(asking: IndexAsking, session: Session, vector: Sequence[float]) -> Pieces:
    query = asking.settings.query
    version_id = asking.version.id
    count = asking.tokenizer.count
    near = search.nearest(session, version_id, ENTITY_VECTORS, vector, query.top_k_entities)
    entities = search.entities(session, version_id, [one.id for one in near])
    titles = [entity.title for entity in entities]
    relationships = search.relationships_of(
        session, version_id, titles, query.top_k_relationships * max(1, len(titles))
    )
    communities = search.communities_of(session, version_id, [e.id for e in entities], query.community_level)
    matches = Counter({c.community: len(set(c.entity_ids) & {e.id for e in entities}) for c in communities})
    reports = search.reports(session, version_id, list(matches))
    reports.sort(key=lambda report: (-matches[report.community], -report.rank, report.community))

    pieces = Pieces()
    budget = query.local_max_context_tokens
    rows = _report_pieces(reports, {c.community: c.text_unit_ids for c in communities})
    used = pieces.fill(REPORTS, rows, int(budget * query.local_community_share), count)
    room = int(budget * (1 - query.local_text_unit_share)) - used
    room -= pieces.fill(ENTITIES, map(_entity_piece, entities), room, count)
    pieces.fill(RELATIONSHIPS, map(_relationship_piece, relationships), room, count)
    passages = _passages(session, version_id, vector, entities, relationships)
    names = {identity: document.name for identity, document in search.documents(session, version_id).items()}
    sources = (_source_piece(unit, names[unit.document_id]) for unit in passages)
    pieces.fill(SOURCES, sources, int(budget * query.local_text_unit_share), count)
    return pieces


def _passages(
    session: Session,
    version_id: str,
    vector: Sequence[float],
    entities: Sequence[Entity],
    relationships: Sequence[Relationship],
) -> list[TextUnit]:
    """Passages by nearness to the question, with a bonus for each link to the chosen part of the graph."""
    links = Counter(identity for entity in entities for identity in entity.text_unit_ids)
    links.update(identity for relationship in relationships for identity in relationship.text_unit_ids)
    near = {one.id: one for one in search.nearest(session, version_id, TEXT_UNIT_VECTORS, vector, NEAREST_PASSAGES)}
    linked = search.nearest(session, version_id, TEXT_UNIT_VECTORS, vector, len(links), among=list(links))
    near.update({one.id: one for one in linked})

    def score(one: search.Near) -> tuple[float, str]:
        return -(one.similarity + LINK_BONUS * min(MOST_LINKS, links[one.id])), one.id

    ranked = sorted(near.values(), key=score)
    return search.text_units(session, version_id, [one.id for one in ranked])


def _report_pieces(reports: Sequence[CommunityReport], passages: dict[int, list[str]]) -> Iterable[Piece]:
    for report in reports:
        fields = (report.title, report.full_content)
        yield Piece(f"R{report.community}", fields, tuple(passages.get(report.community, ())))


def _entity_piece(entity: Entity) -> Piece:
    fields = (entity.title, entity.type, entity.description)
    return Piece(f"E{entity.human_readable_id}", fields, tuple(entity.text_unit_ids))


def _relationship_piece(relationship: Relationship) -> Piece:
    fields = (relationship.source, relationship.target, relationship.description, relationship.weight)
    return Piece(f"L{relationship.human_readable_id}", fields, tuple(relationship.text_unit_ids))


def _source_piece(unit: TextUnit, document: str) -> Piece:
    return source(unit.human_readable_id, document, unit.first_page, unit.last_page, unit.text, unit.id)
