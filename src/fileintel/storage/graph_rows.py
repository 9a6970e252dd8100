"""Lists of a published index as people leaf through them: entities, relationships, communities and their reports.

Every function reads one version only. A list comes in slices, in the order of the human-readable ids.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from fileintel.storage.models import Community, CommunityReport, Covariate, Entity, Relationship, TextUnit

# the tables whose rows a report's context names, by the word for them there, with the column that holds their number
NUMBERED: Mapping[str, tuple[Any, InstrumentedAttribute[int]]] = {
    "reports": (CommunityReport, CommunityReport.community),
    "sources": (TextUnit, TextUnit.human_readable_id),
    "entities": (Entity, Entity.human_readable_id),
    "claims": (Covariate, Covariate.human_readable_id),
    "relationships": (Relationship, Relationship.human_readable_id),
}


@dataclass(frozen=True)
class RowRange:
    """Which rows of a version's list: `limit` at most, those after the human-readable id `after` (None: the first)."""

    version_id: str
    limit: int
    after: int | None = None


def entities(session: Session, part: RowRange, matching: str | None = None) -> list[Entity]:
    """Entities whose title or type holds the text `matching`, in whatever case."""
    return _listed(session, Entity, part, _holding(matching, Entity.title, Entity.type))


def relationships(session: Session, part: RowRange, matching: str | None = None) -> list[Relationship]:
    """Relationships of which one end's title holds the text `matching`, in whatever case."""
    return _listed(session, Relationship, part, _holding(matching, Relationship.source, Relationship.target))


def communities(session: Session, part: RowRange, level: int | None = None) -> list[Community]:
    """Communities of one level, or of all."""
    return _listed(session, Community, part, [] if level is None else [Community.level == level])


def reports(session: Session, part: RowRange, level: int | None = None) -> list[CommunityReport]:
    """Community reports of one level, or of all."""
    return _listed(session, CommunityReport, part, [] if level is None else [CommunityReport.level == level])


def community(session: Session, version_id: str, number: int) -> Community | None:
    """The community of that number."""
    statement = select(Community).where(Community.version_id == version_id, Community.community == number)
    return session.execute(statement).scalar_one_or_none()


def report(session: Session, version_id: str, number: int) -> CommunityReport | None:
    """The report of the community of that number; None where it is a gap."""
    statement = select(CommunityReport).where(
        CommunityReport.version_id == version_id, CommunityReport.community == number
    )
    return session.execute(statement).scalar_one_or_none()


def members(session: Session, of: Community) -> list[Entity]:
    """The entities of a community, by human-readable id."""
    statement = select(Entity).where(Entity.version_id == of.version_id, Entity.id.in_(of.entity_ids))
    return list(session.execute(statement.order_by(Entity.human_readable_id)).scalars())


def links(session: Session, of: Community) -> list[Relationship]:
    """The relationships within a community, by human-readable id."""
    statement = select(Relationship).where(
        Relationship.version_id == of.version_id, Relationship.id.in_(of.relationship_ids)
    )
    return list(session.execute(statement.order_by(Relationship.human_readable_id)).scalars())


def communities_by_level(session: Session, version_id: str) -> dict[int, int]:
    """How many communities a version has at each level, from the top."""
    counted = select(Community.level, func.count()).where(Community.version_id == version_id)
    rows = session.execute(counted.group_by(Community.level).order_by(Community.level))
    return {int(level): int(count) for level, count in rows}


def numbered(session: Session, version_id: str, kind: str, numbers: Sequence[int]) -> dict[int, Any]:
    """Rows of a kind (one of NUMBERED) by their number in a report's context."""
    table, number = NUMBERED[kind]
    statement = select(number, table).where(table.version_id == version_id, number.in_(numbers))
    return {int(found): row for found, row in session.execute(statement)}


def text_unit_degrees(session: Session, of: Community) -> dict[str, int]:
    """How much text units count in a community: the degrees of the members that each one names, summed, by id."""
    statement = select(Entity.text_unit_ids, Entity.degree).where(
        Entity.version_id == of.version_id, Entity.id.in_(of.entity_ids)
    )
    degrees: dict[str, int] = {}
    for ids, degree in session.execute(statement):
        for identity in ids:
            degrees[identity] = degrees.get(identity, 0) + degree
    return degrees


def _listed(session: Session, table: Any, part: RowRange, conditions: Sequence[ColumnElement[bool]]) -> list[Any]:
    statement = select(table).where(table.version_id == part.version_id, *conditions)
    if part.after is not None:
        statement = statement.where(table.human_readable_id > part.after)
    return list(session.execute(statement.order_by(table.human_readable_id).limit(part.limit)).scalars())


def _holding(text: str | None, *columns: InstrumentedAttribute[str]) -> list[ColumnElement[bool]]:
    """The condition that one of these columns holds a text; % and _ stand for themselves."""
    return [or_(*(column.icontains(text, autoescape=True) for column in columns))] if text else []
