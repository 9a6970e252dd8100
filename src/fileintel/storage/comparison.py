"""Two versions of an index side by side: what is in one of them only, and what says something else.

Things are told apart by their ids, which follow from content: an entity from its title, a relationship from its two
ends, a report from its community, which is a level and a set of entities.
"""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

# For each kind: its table, what names one of its things, and what is compared.
KINDS = {
    "entities": ("entities", "{0}.title", "({0}.type, {0}.description)"),
    "relationships": ("relationships", "{0}.source || ' — ' || {0}.target", "({0}.weight, {0}.description)"),
    "reports": ("community_reports", "{0}.title", "({0}.rank, {0}.full_content)"),
}
TABLES = {
    "documents": "indexed_documents",
    "text_units": "text_units",
    "entities": "entities",
    "relationships": "relationships",
    "communities": "communities",
    "reports": "community_reports",
    "covariates": "covariates",
}
CHANGES = ("added", "removed", "changed")


@dataclass(frozen=True)
class Change:
    """A thing that is in one of two versions only, or says something else: `change` is one of CHANGES."""

    change: str
    id: str
    name: str


@dataclass(frozen=True)
class Difference:
    """How the things of one kind differ: totals by change, and the first of each, by name."""

    totals: dict[str, int]
    items: list[Change]


def counts(session: Session, version_id: str) -> dict[str, int]:
    """The rows of a version, by table."""
    parts = (f"(SELECT count(*) FROM {table} WHERE version_id = :version)" for table in TABLES.values())
    row = session.execute(text(f"SELECT {', '.join(parts)}"), {"version": version_id}).one()
    return dict(zip(TABLES, map(int, row), strict=True))


def difference(session: Session, kind: str, older: str, newer: str, limit: int) -> Difference:
    """What has become of the things of a kind (one of KINDS) between two versions; `limit` items of each change."""
    compared = f"""
        WITH compared AS (
            SELECT coalesce(n.id, o.id) AS id, {_name(kind)} AS name,
                CASE WHEN o.id IS NULL THEN 'added' WHEN n.id IS NULL THEN 'removed' ELSE 'changed' END AS change
            FROM (SELECT * FROM {KINDS[kind][0]} WHERE version_id = :older) AS o
            FULL JOIN (SELECT * FROM {KINDS[kind][0]} WHERE version_id = :newer) AS n ON n.id = o.id
            WHERE o.id IS NULL OR n.id IS NULL
                OR {KINDS[kind][2].format("o")} IS DISTINCT FROM {KINDS[kind][2].format("n")}
        )"""
    given = {"older": older, "newer": newer, "limit": limit}
    found = session.execute(text(f"{compared} SELECT change, count(*) FROM compared GROUP BY change"), given)
    totals = {str(change): int(count) for change, count in found}
    listed = session.execute(
        text(f"""{compared}
            SELECT change, id, name FROM (
                SELECT *, row_number() OVER (PARTITION BY change ORDER BY name, id) AS place FROM compared
            ) AS placed WHERE place <= :limit ORDER BY change, name, id"""),
        given,
    )
    items = [Change(change, str(identity), name) for change, identity, name in listed]
    return Difference({change: totals.get(change, 0) for change in CHANGES}, items)


def _name(kind: str) -> str:
    name = KINDS[kind][1]
    return f"coalesce({name.format('n')}, {name.format('o')})"
