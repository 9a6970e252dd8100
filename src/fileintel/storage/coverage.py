"""What of its documents an index version covers, counted in the database: one statement for each kind of thing.

A text unit is `failed` when the run that made the version has a gap for it (something is missing, be it only a
gleaning), `empty` when the model found nothing in it, which is a result, and `extracted` else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from fileintel.storage.models import IndexVersion

# The text units of a version with what became of them. Joins, because the planner hashes those however large they are;
# an IN (…) beyond its working memory it would scan for each text unit.
_UNITS = """
    units AS (
        SELECT u.id, u.document_id, g.item IS NOT NULL AS failed, f.id IS NOT NULL AS found
        FROM text_units u
        LEFT JOIN (
            SELECT unnest(e.text_unit_ids) AS id FROM entities e WHERE e.version_id = :version
            UNION SELECT unnest(r.text_unit_ids) FROM relationships r WHERE r.version_id = :version
        ) AS f ON f.id = u.id
        LEFT JOIN gaps g ON g.run_id = :run AND g.stage = 'extract' AND g.item = u.id::text
        WHERE u.version_id = :version
    )"""
_UNIT_COUNTS = """
    count(units.id) AS text_units,
    count(units.id) FILTER (WHERE found AND NOT failed) AS extracted,
    count(units.id) FILTER (WHERE NOT found AND NOT failed) AS empty,
    count(units.id) FILTER (WHERE failed) AS failed"""
# The entities that are in a community, and whether one of their communities has a report.
_MEMBERS = """
    members AS (
        SELECT m.entity_id, bool_or(p.id IS NOT NULL) AS reported
        FROM communities c
        CROSS JOIN LATERAL unnest(c.entity_ids) AS m(entity_id)
        LEFT JOIN community_reports p ON p.version_id = c.version_id AND p.community = c.community
        WHERE c.version_id = :version GROUP BY m.entity_id
    )"""

_WHOLE = f"WITH {_UNITS} SELECT {_UNIT_COUNTS} FROM units"
_ENTITIES = f"""
    WITH {_MEMBERS}
    SELECT count(*) AS entities,
        count(*) FILTER (WHERE members.entity_id IS NULL) AS without_community,
        count(*) FILTER (WHERE reported) AS reach_a_report
    FROM entities e LEFT JOIN members ON members.entity_id = e.id WHERE e.version_id = :version"""
_COMMUNITIES = """
    SELECT count(*) AS communities, count(*) FILTER (WHERE p.id IS NULL) AS without_report
    FROM communities c
    LEFT JOIN community_reports p ON p.version_id = c.version_id AND p.community = c.community
    WHERE c.version_id = :version"""
_VECTORS = """
    SELECT i.kind, count(*) AS items, count(*) FILTER (WHERE v.item_id IS NULL) AS missing
    FROM (
        SELECT 'text_unit_text' AS kind, id FROM text_units WHERE version_id = :version
        UNION ALL SELECT 'entity_description', id FROM entities WHERE version_id = :version
        UNION ALL SELECT 'community_full_content', id FROM community_reports WHERE version_id = :version
    ) AS i
    LEFT JOIN embeddings v ON v.version_id = :version AND v.kind = i.kind AND v.item_id = i.id
    GROUP BY i.kind ORDER BY i.kind"""
_DOCUMENTS = f"""
    WITH {_UNITS}, {_MEMBERS},
    unit_counts AS (SELECT document_id, {_UNIT_COUNTS} FROM units GROUP BY document_id),
    mentions AS (
        SELECT DISTINCT units.document_id, e.id AS entity_id
        FROM entities e CROSS JOIN LATERAL unnest(e.text_unit_ids) AS m(unit_id) JOIN units ON units.id = m.unit_id
        WHERE e.version_id = :version
    ),
    entity_counts AS (
        SELECT document_id, count(*) AS entities, count(*) FILTER (WHERE reported) AS reach_a_report
        FROM mentions LEFT JOIN members USING (entity_id) GROUP BY document_id
    )
    SELECT d.id, d.name, coalesce(text_units, 0) AS text_units, coalesce(extracted, 0) AS extracted,
        coalesce(empty, 0) AS empty, coalesce(failed, 0) AS failed, coalesce(entities, 0) AS entities,
        coalesce(reach_a_report, 0) AS reach_a_report
    FROM indexed_documents d
    LEFT JOIN unit_counts u ON u.document_id = d.id
    LEFT JOIN entity_counts e ON e.document_id = d.id
    WHERE d.version_id = :version ORDER BY d.human_readable_id"""
_GAPS = """
    SELECT stage, reason, count(*) AS items FROM gaps WHERE run_id = :run
    GROUP BY stage, reason ORDER BY stage, reason"""

# Documents that were deleted since the version was made have no gaps that are known.
_UNREAD = """
    SELECT d.name AS document, (g.gap->>'first_page')::int AS first_page, (g.gap->>'last_page')::int AS last_page,
        g.gap->>'reason' AS reason
    FROM indexed_documents i
    JOIN documents d ON d.id = i.id
    CROSS JOIN LATERAL jsonb_array_elements(d.properties->'gaps') AS g(gap)
    WHERE i.version_id = :version ORDER BY i.human_readable_id, first_page"""


@dataclass(frozen=True)
class UnitCounts:
    """Text units by what became of them."""

    text_units: int
    extracted: int
    empty: int
    failed: int


@dataclass(frozen=True)
class EntityCounts:
    """Entities, those that are in no community, and those of which a community has a report."""

    entities: int
    without_community: int
    reach_a_report: int


@dataclass(frozen=True)
class CommunityCounts:
    """Communities, and those without a report."""

    communities: int
    without_report: int


@dataclass(frozen=True)
class VectorCounts:
    """The things of a kind, and those without a vector."""

    kind: str
    items: int
    missing: int


@dataclass(frozen=True)
class GapCounts:
    """The items of a stage that failed for one reason."""

    stage: str
    reason: str
    items: int


@dataclass(frozen=True)
class UnreadPages:
    """Pages of a document that could not be read, or only in part, when it was added."""

    document: str
    first_page: int
    last_page: int
    reason: str


@dataclass(frozen=True)
class DocumentCounts:
    """What became of a document's text units, and the entities that they name."""

    id: str
    name: str
    text_units: int
    extracted: int
    empty: int
    failed: int
    entities: int
    reach_a_report: int


@dataclass(frozen=True)
class Coverage:
    """Counts of a version. `vectors` and `gaps` have one row for each kind, and for each stage and reason; `unread` one
    for each run of pages that could not be read when their document was added; `documents` one for each document, in
    the order of the index."""

    text_units: UnitCounts
    entities: EntityCounts
    communities: CommunityCounts
    vectors: list[VectorCounts]
    gaps: list[GapCounts]
    unread: list[UnreadPages]
    documents: list[DocumentCounts]


def of_version(session: Session, version: IndexVersion) -> Coverage:
    """Count a version's rows, and the gaps of the run that made it."""
    given = {"version": version.id, "run": version.run_id}

    def rows(statement: str) -> Iterable[Sequence[Any]]:
        return session.execute(text(statement), given)

    (units,), (entities,), (communities,) = rows(_WHOLE), rows(_ENTITIES), rows(_COMMUNITIES)
    return Coverage(
        UnitCounts(*units),
        EntityCounts(*entities),
        CommunityCounts(*communities),
        [VectorCounts(*row) for row in rows(_VECTORS)],
        [GapCounts(*row) for row in rows(_GAPS)],
        [UnreadPages(*row) for row in rows(_UNREAD)],
        [DocumentCounts(str(row[0]), *row[1:]) for row in rows(_DOCUMENTS)],
    )
