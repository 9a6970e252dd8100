"""Reading what surrounds a question in a published index: few statements, and only the columns that are shown.

Statements are fixed texts, and ids come as text: a question makes a dozen of them, and most of what a statement costs
here is making it and reading its rows. Every function reads one version only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple

from sqlalchemy.orm import Session

from fileintel.storage.fixed_sql import Statement
from fileintel.storage.search import DISTANCE, Near, NearReport, indexed_distance, looking_widely, question_text

Kind = Literal["entity", "relationship", "community"]  # what rests on text units, and is no text unit

REPORTS_AT_ONCE = 6  # about as many as have room in a context; more are read where they are short


class NearEntity(NamedTuple):
    """An entity as a context shows it."""

    id: str
    number: int
    title: str
    type: str
    description: str


class NearRelationship(NamedTuple):
    """A relationship as a context shows it."""

    id: str
    number: int
    source: str
    target: str
    description: str
    weight: float


class Unit(NamedTuple):
    """A text unit with the names of its document."""

    id: str
    number: int
    document_id: str
    name: str
    title: str
    start: int
    first_page: int
    last_page: int
    n_tokens: int
    text: str


class Linked(NamedTuple):
    """A text unit that may come into a context.

    `similarity`: to the question, at most 1. `links`: how many of the chosen entities and relationships rest on it.
    `place`: among the nearest of all, from 1 on; None for one that only its links have brought in.
    """

    id: str
    similarity: float
    links: int
    place: int | None


@dataclass(frozen=True)
class Cited:
    """Something that rests on text units: an entity or a relationship by id, a community by number."""

    kind: Kind
    origin: str


def nearest_entities(session: Session, version_id: str, vector: Sequence[float], limit: int) -> list[NearEntity]:
    """The entities whose descriptions are nearest to a vector, the nearest first."""
    values = {"version": version_id, "question": question_text(vector), "limit": limit}
    return [NearEntity(*row) for row in _nearest_entities(len(vector)).execute(session, values)]


def relationships_around(
    session: Session, version_id: str, titles: Sequence[str], limit: int
) -> list[NearRelationship]:
    """Relationships with an end among these titles: those with both ends first, then those whose other end has the
    most links to them, then by combined degree."""
    if not titles:
        return []
    values = {"version": version_id, "titles": list(titles), "limit": limit}
    return [NearRelationship(*row) for row in _RELATIONSHIPS.execute(session, values)]


def reports_around(session: Session, version_id: str, entity_ids: Sequence[str], level: int) -> Iterator[NearReport]:
    """The reports of the communities, up to `level`, that hold any of these entities: those that hold the most of them
    first, then by rank. They are read a few at a time, as they are taken."""
    values: dict[str, Any] = {"version": version_id, "ids": list(entity_ids), "level": level}
    start = 0
    while True:
        rows = _REPORTS.execute(session, {**values, "limit": REPORTS_AT_ONCE, "start": start}).all()
        yield from (NearReport(*row) for row in rows)
        if len(rows) < REPORTS_AT_ONCE:
            return
        start += REPORTS_AT_ONCE


def linked_units(
    session: Session,
    version_id: str,
    vector: Sequence[float],
    near: Sequence[Near],
    entity_ids: Sequence[str],
    relationship_ids: Sequence[str],
    *,
    most_linked: int,
) -> list[Linked]:
    """The text units that are nearest to a vector, as `search.nearest` has found them, and of those that the entities
    and relationships rest on the most linked ones: so many of a hub's thousands are compared with the vector."""
    values = {
        "version": version_id,
        "question": question_text(vector),
        "near": [one.id for one in near],
        "entities": list(entity_ids),
        "relationships": list(relationship_ids),
        "most": most_linked,
    }
    found = [(row[0], row[1], row[2]) for row in _LINKED_UNITS.execute(session, values)]
    links = {identity: count for identity, similarity, count in found if similarity is None}
    nearest = [Linked(one.id, one.similarity, links.get(one.id, 0), place) for place, one in enumerate(near, 1)]
    return nearest + [Linked(*one, None) for one in found if one[1] is not None]


def units(session: Session, version_id: str, ids: Sequence[str]) -> list[Unit]:
    """Text units by id, in the order asked for."""
    if not ids:
        return []
    return [Unit(*row) for row in _UNITS.execute(session, {"version": version_id, "ids": list(ids)})]


def units_behind(
    session: Session,
    version_id: str,
    vector: Sequence[float],
    cited: Sequence[Cited],
    limit: int,
    near: Sequence[str] = (),
) -> list[list[str]]:
    """For each of these, the ids of the text units that it rests on and that are nearest to a vector; units without a
    vector come last.

    Parameters:
      near: the nearest text units of the whole index, in order. What rests on `limit` of them needs no comparison
        with its own, which may be thousands.
    """
    found: list[list[str]] = [[] for _ in cited]
    if cited:
        values = {
            "version": version_id,
            "question": question_text(vector),
            "kinds": [one.kind for one in cited],
            "origins": [one.origin for one in cited],
            "near": list(near),
            "limit": limit,
        }
        for place, identity in _UNITS_BEHIND.execute(session, values):
            found[place - 1].append(identity)
    return found


def _origin(kind: Kind) -> str:
    """The origin of what is of a kind; what other kinds have is not of its type."""
    return f"CASE WHEN cited.kind = '{kind}' THEN cited.origin END"


@cache
def _nearest_entities(size: int) -> Statement:
    return looking_widely(
        f"""
        WITH near AS MATERIALIZED (
            SELECT item_id, {DISTANCE} AS distance FROM embeddings
             WHERE version_id = CAST(:version AS uuid) AND kind = 'entity_description'
             ORDER BY {indexed_distance(size)} LIMIT :limit)
        SELECT CAST(e.id AS text), e.human_readable_id, e.title, e.type, e.description
          FROM near JOIN entities e ON e.version_id = CAST(:version AS uuid) AND e.id = near.item_id
         ORDER BY near.distance, e.human_readable_id
        """
    )


_RELATIONSHIPS = Statement(
    """
    WITH around AS (
        SELECT id, combined_degree, human_readable_id,
               CASE WHEN source = ANY(:titles) AND target = ANY(:titles) THEN NULL
                    WHEN source = ANY(:titles) THEN target ELSE source END AS outside
          FROM relationships
         WHERE version_id = CAST(:version AS uuid) AND (source = ANY(:titles) OR target = ANY(:titles))),
    counted AS (SELECT *, count(*) OVER (PARTITION BY outside) AS links FROM around),
    best AS (
        SELECT id, row_number() OVER (
               ORDER BY outside IS NULL DESC, links DESC, combined_degree DESC, human_readable_id) AS place
          FROM counted ORDER BY place LIMIT :limit)
    SELECT CAST(r.id AS text), r.human_readable_id, r.source, r.target, r.description, r.weight
      FROM best JOIN relationships r ON r.version_id = CAST(:version AS uuid) AND r.id = best.id
     ORDER BY best.place
    """
)

# One look into the index of members for each entity: the members themselves, thousands for a large community, are
# never read.
_REPORTS = Statement(
    """
    WITH holding AS (
        SELECT c.community, count(*) AS held FROM unnest(CAST(:ids AS uuid[])) AS one(id)
          JOIN communities c ON c.entity_ids @> ARRAY[one.id]
         WHERE c.version_id = CAST(:version AS uuid) AND c.level <= :level GROUP BY c.community)
    SELECT r.community, r.title, r.full_content
      FROM holding CROSS JOIN LATERAL (
        SELECT * FROM community_reports WHERE version_id = CAST(:version AS uuid) AND community = holding.community
        OFFSET 0) r  -- each by its number: the planner expects many more, and would read all reports
     ORDER BY holding.held DESC, r.rank DESC, r.community LIMIT :limit OFFSET :start
    """
)


_LINKED_UNITS = Statement(
    f"""
    WITH linked AS MATERIALIZED (
        SELECT id, count(*) AS links FROM (
            SELECT unnest(text_unit_ids) AS id FROM entities
             WHERE version_id = CAST(:version AS uuid) AND id = ANY(CAST(:entities AS uuid[]))
            UNION ALL
            SELECT unnest(text_unit_ids) FROM relationships
             WHERE version_id = CAST(:version AS uuid) AND id = ANY(CAST(:relationships AS uuid[]))) AS each
         GROUP BY id),
    most AS MATERIALIZED (SELECT id, links FROM linked ORDER BY links DESC, id LIMIT :most),
    others AS MATERIALIZED (
        SELECT most.id, {DISTANCE} AS distance, most.links FROM most
          JOIN embeddings e ON e.version_id = CAST(:version AS uuid) AND e.kind = 'text_unit_text'
           AND e.item_id = most.id
         WHERE most.id <> ALL (CAST(:near AS uuid[])))
    SELECT CAST(id AS text), NULL, links FROM linked WHERE id = ANY(CAST(:near AS uuid[]))
    UNION ALL
    SELECT CAST(id AS text), 1 - distance, links FROM others
    """
)


_UNITS = Statement(
    """
    SELECT CAST(u.id AS text), u.human_readable_id, CAST(u.document_id AS text), d.name, d.title, u.start,
           u.first_page, u.last_page, u.n_tokens, u.text
      FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS wanted(id, place)
      JOIN text_units u ON u.version_id = CAST(:version AS uuid) AND u.id = wanted.id
      JOIN indexed_documents d ON d.version_id = CAST(:version AS uuid) AND d.id = u.document_id
     ORDER BY wanted.place
    """
)


# All vectors of the rest are compared: an index of vectors, were it used, would be left with those of its candidates
# that happen to be among them.
_UNITS_BEHIND = Statement(
    f"""
        WITH cited AS (
            SELECT * FROM unnest(CAST(:kinds AS text[]), CAST(:origins AS text[])) WITH ORDINALITY
                AS cited(kind, origin, place)),
        near AS (SELECT * FROM unnest(CAST(:near AS uuid[])) WITH ORDINALITY AS near(id, rank)),
        behind AS MATERIALIZED (
            SELECT cited.place, unit.id, unit.at FROM cited
              JOIN entities e ON e.version_id = CAST(:version AS uuid) AND e.id = CAST({_origin("entity")} AS uuid)
             CROSS JOIN LATERAL unnest(e.text_unit_ids) WITH ORDINALITY AS unit(id, at)
            UNION ALL
            SELECT cited.place, unit.id, unit.at FROM cited
              JOIN relationships r ON r.version_id = CAST(:version AS uuid)
               AND r.id = CAST({_origin("relationship")} AS uuid)
             CROSS JOIN LATERAL unnest(r.text_unit_ids) WITH ORDINALITY AS unit(id, at)
            UNION ALL
            SELECT cited.place, unit.id, unit.at FROM cited
              JOIN communities c ON c.version_id = CAST(:version AS uuid)
               AND c.community = CAST({_origin("community")} AS int)
             CROSS JOIN LATERAL unnest(c.text_unit_ids) WITH ORDINALITY AS unit(id, at)),
        hits AS (
            SELECT behind.place, behind.id, row_number() OVER (PARTITION BY behind.place ORDER BY near.rank) AS number
              FROM behind JOIN near ON near.id = behind.id),
        settled AS MATERIALIZED (SELECT place FROM hits WHERE number = :limit),
        compared AS (
            SELECT behind.place, behind.id, row_number() OVER (
                   PARTITION BY behind.place ORDER BY {DISTANCE} NULLS LAST, behind.at) AS number
              FROM behind LEFT JOIN embeddings e ON e.version_id = CAST(:version AS uuid)
               AND e.kind = 'text_unit_text' AND e.item_id = behind.id
             WHERE behind.place NOT IN (SELECT place FROM settled))
        SELECT place, CAST(id AS text) FROM (
            SELECT place, id, number FROM hits WHERE place IN (SELECT place FROM settled)
            UNION ALL SELECT place, id, number FROM compared) AS found
         WHERE number <= :limit ORDER BY place, number
        """
)
