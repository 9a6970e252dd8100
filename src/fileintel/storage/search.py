"""Reading a published index: by vector, by title, by community. Every function reads one version only."""

import array
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import cast, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from fileintel.storage.models import (
    UUID_TEXT,
    Community,
    CommunityReport,
    DocumentPage,
    Entity,
    IndexedDocument,
    Relationship,
    TextUnit,
)
from fileintel.storage.versions import vector_expression

SEARCH_EFFORT = 100  # hnsw.ef_search: candidates kept during a search; pgvector's default 40 misses more
HNSW_LARGEST_SIZE = 4_000  # numbers; longer vectors have no index, and no cast


@dataclass(frozen=True)
class Near:
    """An item and its cosine similarity to the question, at most 1."""

    id: str
    similarity: float


def nearest(
    session: Session,
    version_id: str,
    kind: str,
    vector: Sequence[float],
    limit: int,
    among: Sequence[str] | None = None,
) -> list[Near]:
    """The items whose vectors are nearest to this one, the nearest first; `among` restricts them to these ids."""
    expression, _ = vector_expression(len(vector))
    column_type = expression.partition("::")[2]
    distance = f"({expression}) <=> CAST(:question AS {column_type})"
    restriction = "AND item_id = ANY(CAST(:among AS uuid[]))" if among is not None else ""
    session.execute(text("SELECT set_config('hnsw.ef_search', :effort, true)"), {"effort": str(SEARCH_EFFORT)})
    rows = session.execute(
        text(
            f"SELECT item_id, 1 - ({distance}) FROM embeddings WHERE version_id = CAST(:version AS uuid) "
            f"AND kind = '{kind}' {restriction} ORDER BY {distance} LIMIT :limit"
        ),
        {"version": version_id, "question": str(list(vector)), "limit": limit, "among": list(among or ())},
    )
    return [Near(str(identity), float(similarity)) for identity, similarity in rows]


def vector_from(data: bytes) -> list[float]:
    """A vector out of its 32-bit floats."""
    return array.array("f", data).tolist()


def entities(session: Session, version_id: str, ids: Sequence[str]) -> list[Entity]:
    """Entities by id, in the order asked for."""
    rows = session.execute(select(Entity).where(Entity.version_id == version_id, Entity.id.in_(ids))).scalars()
    found = {row.id: row for row in rows}
    return [found[identity] for identity in ids if identity in found]


def relationships_of(session: Session, version_id: str, titles: Sequence[str], limit: int) -> list[Relationship]:
    """Relationships with an end among these titles: those with both ends first, then by combined degree."""
    inside = (Relationship.source.in_(titles) & Relationship.target.in_(titles)).desc()
    statement = (
        select(Relationship)
        .where(
            Relationship.version_id == version_id,
            or_(Relationship.source.in_(titles), Relationship.target.in_(titles)),
        )
        .order_by(inside, Relationship.combined_degree.desc(), Relationship.human_readable_id)
        .limit(limit)
    )
    return list(session.execute(statement).scalars())


def communities_of(session: Session, version_id: str, entity_ids: Sequence[str], level: int) -> list[Community]:
    """Communities up to `level` that hold any of these entities."""
    ids = cast(list(entity_ids), ARRAY(UUID_TEXT))
    statement = (
        select(Community)
        .where(Community.version_id == version_id, Community.level <= level, Community.entity_ids.overlap(ids))
        .order_by(Community.human_readable_id)
    )
    return list(session.execute(statement).scalars())


def reports(session: Session, version_id: str, numbers: Sequence[int]) -> list[CommunityReport]:
    """The reports of these communities."""
    statement = select(CommunityReport).where(
        CommunityReport.version_id == version_id, CommunityReport.community.in_(numbers)
    )
    return list(session.execute(statement.order_by(CommunityReport.human_readable_id)).scalars())


def reports_at(session: Session, version_id: str, level: int) -> list[CommunityReport]:
    """The reports that together cover the graph at `level`: those of that level, and of higher communities that are
    not divided any further. The highest rank first."""
    statement = select(CommunityReport).where(
        CommunityReport.version_id == version_id,
        or_(
            CommunityReport.level == level,
            (CommunityReport.level < level) & (CommunityReport.children == []),
        ),
    )
    ranked = statement.order_by(CommunityReport.rank.desc(), CommunityReport.human_readable_id)
    return list(session.execute(ranked).scalars())


def community_text_units(session: Session, version_id: str, numbers: Sequence[int]) -> dict[int, list[str]]:
    """The ids of the text units behind communities, by community number."""
    statement = select(Community.community, Community.text_unit_ids).where(
        Community.version_id == version_id, Community.community.in_(numbers)
    )
    return {number: list(ids) for number, ids in session.execute(statement)}


def text_units(session: Session, version_id: str, ids: Sequence[str]) -> list[TextUnit]:
    """Text units by id, in the order asked for."""
    rows = session.execute(select(TextUnit).where(TextUnit.version_id == version_id, TextUnit.id.in_(ids))).scalars()
    found = {row.id: row for row in rows}
    return [found[identity] for identity in ids if identity in found]


def documents(session: Session, version_id: str) -> dict[str, IndexedDocument]:
    """The documents of a version, by id."""
    rows = session.execute(select(IndexedDocument).where(IndexedDocument.version_id == version_id)).scalars()
    return {row.id: row for row in rows}


def page_at(session: Session, document_id: str, offset: int) -> DocumentPage | None:
    """The page that holds a character of a document; None when the document has been deleted since."""
    statement = (
        select(DocumentPage)
        .where(DocumentPage.document_id == document_id, DocumentPage.start <= offset)
        .order_by(DocumentPage.start.desc())
        .limit(1)
    )
    return session.execute(statement).scalar_one_or_none()
