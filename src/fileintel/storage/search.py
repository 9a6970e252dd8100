"""Reading a published index: by vector, by title, by community. Every function reads one version only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from sqlalchemy import ColumnElement, any_, cast, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, Session

from fileintel.storage.bulk_insert import numbers_text
from fileintel.storage.fixed_sql import Statement
from fileintel.storage.models import (
    UUID_TEXT,
    CommunityReport,
    DocumentPage,
    Entity,
)
from fileintel.storage.versions import vector_expression

SEARCH_EFFORT = 100  # hnsw.ef_search: candidates kept during a search; pgvector's default 40 misses more
DISTANCE = "vector <=> CAST(:question AS vector)"  # SQL for the cosine distance to a question
_question_text = lru_cache(maxsize=64)(numbers_text)
_LOOK_WIDELY = f"SELECT set_config('hnsw.ef_search', '{SEARCH_EFFORT}', true)"


class NearReport(NamedTuple):
    """A report as a context shows it."""

    community: int
    title: str
    content: str


_PAGES_AT = Statement(
    "SELECT page.number, page.label "
    "FROM unnest(CAST(:documents AS uuid[]), CAST(:characters AS bigint[])) "
    "WITH ORDINALITY AS place(document_id, at, number) "
    "LEFT JOIN LATERAL (SELECT pages.number, pages.label FROM pages "
    "WHERE pages.document_id = place.document_id AND pages.start <= place.at "
    "ORDER BY pages.start DESC LIMIT 1) AS page ON true ORDER BY place.number"
)
_SHOWN = (CommunityReport.community, CommunityReport.title, CommunityReport.full_content)


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
    values = {"version": version_id, "question": question_text(vector), "limit": limit}
    if among is not None:
        values |= {"among": list(among)}
    rows = _nearest(kind, None if among is not None else len(vector)).execute(session, values)
    return [Near(identity, float(similarity)) for identity, similarity in rows]


def question_text(vector: Sequence[float]) -> str:
    """A vector as `:question` of a statement; several statements of a question have the same."""
    return _question_text(tuple(vector))


@cache
def _nearest(kind: str, size: int | None) -> Statement:
    """The search for vectors of this size in their index; without one, for some of which all are compared: the index,
    were it used, would be left with those of its candidates that happen to be among them."""
    chosen = f"ORDER BY {indexed_distance(size)} LIMIT :limit" if size else "AND item_id = ANY(CAST(:among AS uuid[]))"
    return (looking_widely if size else Statement)(
        f"WITH near AS MATERIALIZED (SELECT item_id, {DISTANCE} AS distance FROM embeddings "
        f"WHERE version_id = CAST(:version AS uuid) AND kind = '{kind}' {chosen}) "
        "SELECT CAST(item_id AS text), 1 - distance FROM near ORDER BY distance, item_id LIMIT :limit"
    )


def looking_widely(search: str) -> Statement:
    """A search that keeps SEARCH_EFFORT candidates, as the rest of its transaction does then. Both are sent in one
    message: what sets the number costs no way to the server and back."""
    return Statement(f"{_LOOK_WIDELY}; {search}")


def indexed_distance(size: int) -> str:
    """SQL for the distance that an index on vectors of this size is sorted by."""
    expression, _ = vector_expression(size)
    return f"({expression}) <=> CAST(:question AS {expression.partition('::')[2]})"


def known_title(session: Session, version_id: str, titles: Sequence[str]) -> str | None:
    """The longest of these titles that an entity has."""
    statement = select(Entity.title).where(Entity.version_id == version_id, Entity.title.in_(titles))
    return session.execute(statement.order_by(func.length(Entity.title).desc(), Entity.title).limit(1)).scalar()


def reports(session: Session, version_id: str, numbers: Sequence[int]) -> list[CommunityReport]:
    """The reports of these communities."""
    statement = select(CommunityReport).where(
        CommunityReport.version_id == version_id, CommunityReport.community.in_(numbers)
    )
    return list(session.execute(statement.order_by(CommunityReport.human_readable_id)).scalars())


def reports_by_id(session: Session, version_id: str, ids: Sequence[str]) -> list[NearReport]:
    """Reports by id, in the order asked for."""
    statement = select(CommunityReport.id, *_SHOWN).where(
        CommunityReport.version_id == version_id, _among(CommunityReport.id, ids)
    )
    found = {row[0]: NearReport(*row[1:]) for row in session.execute(statement)}
    return [found[identity] for identity in ids if identity in found]


def reports_at_exactly(session: Session, version_id: str, level: int) -> list[int]:
    """The communities of one level that have a report."""
    statement = select(CommunityReport.community).where(
        CommunityReport.version_id == version_id, CommunityReport.level == level
    )
    return list(session.execute(statement.order_by(CommunityReport.community)).scalars())


def volume_at(session: Session, version_id: str, level: int) -> int:
    """The characters of the reports that `reports_at` would give."""
    statement = select(func.coalesce(func.sum(func.length(CommunityReport.full_content)), 0)).where(
        CommunityReport.version_id == version_id, _covering(level)
    )
    return int(session.execute(statement).scalar_one())


def reports_at(session: Session, version_id: str, level: int) -> list[NearReport]:
    """The reports that together cover the graph at `level`: those of that level, and of higher communities that are
    not divided any further. The highest rank first."""
    statement = select(*_SHOWN).where(CommunityReport.version_id == version_id, _covering(level))
    ranked = statement.order_by(CommunityReport.rank.desc(), CommunityReport.human_readable_id)
    return [NearReport(*row) for row in session.execute(ranked)]


class PageName(NamedTuple):
    """How a page is cited: its number, and its label if it has one."""

    number: int
    label: str | None


def pages_at(session: Session, places: Sequence[tuple[str, int]]) -> list[PageName | None]:
    """Number and label of the page at each place, given as document and character; None where the document has been
    deleted since."""
    values = {"documents": [one[0] for one in places], "characters": [one[1] for one in places]}
    rows = _PAGES_AT.execute(session, values)
    return [None if number is None else PageName(number, label) for number, label in rows]


def page_at(session: Session, document_id: str, offset: int) -> DocumentPage | None:
    """The page that holds a character of a document; None when the document has been deleted since."""
    statement = (
        select(DocumentPage)
        .where(DocumentPage.document_id == document_id, DocumentPage.start <= offset)
        .order_by(DocumentPage.start.desc())
        .limit(1)
    )
    return session.execute(statement).scalar_one_or_none()


def _covering(level: int) -> ColumnElement[bool]:
    """Reports of a level, and those above it that are not divided any further."""
    undivided = (CommunityReport.level < level) & (CommunityReport.children == [])
    return or_(CommunityReport.level == level, undivided)


def _among(column: InstrumentedAttribute[str], ids: Iterable[str]) -> ColumnElement[bool]:
    """Rows with these ids: one parameter, however many there are."""
    return column == any_(cast(list(ids), ARRAY(UUID_TEXT)))
