"""What surrounds a question: read in few statements, and the same as when it is worked out one by one."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from fileintel.storage import context_rows, search
from fileintel.storage.bulk_insert import insert_rows
from fileintel.storage.context_rows import Cited
from fileintel.storage.engine import Database
from fileintel.storage.models import Community, Entity, Relationship
from fileintel.storage.runs import Lease
from tests.storage.test_versions import entity_row, exact, identity, vectors, write

Begin = Callable[..., str]
UNITS, SIZE = 40, 3
QUESTION = vectors(1, SIZE, seed=9)[0]


def relationship_row(version: str, number: int, source: str, target: str, units: list[str]) -> dict[str, Any]:
    return {
        "version_id": version,
        "id": identity(1_000 + number),
        "human_readable_id": number,
        "source": source,
        "target": target,
        "description": f"{source} knows {target}",
        "weight": 1.0,
        "combined_degree": number % 4,
        "text_unit_ids": units,
    }


def community_row(version: str, number: int, units: list[str]) -> dict[str, Any]:
    empty = {"children": [], "entity_ids": [], "relationship_ids": [], "period": "", "size": 1, "residual": False}
    own = {"id": identity(2_000 + number), "human_readable_id": number, "community": number, "text_unit_ids": units}
    return {"version_id": version, "level": 0, "parent": -1, "title": "", "context": None, **empty, **own}


@pytest.fixture
def version(database: Database, begin: Begin, lease: Lease) -> str:
    """A version whose text units all have vectors but for the last."""
    made = begin(lease)
    write(database, made, vectors(UNITS, SIZE)[:-1], kind="text_unit_text")
    return made


def test_the_passages_behind_what_is_cited_are_the_nearest_whether_or_not_those_of_the_index_are_known(
    database: Database, version: str
) -> None:
    draw = random.Random(4)
    nearest = exact(vectors(UNITS, SIZE)[:-1], QUESTION)
    cited, behind = [], []
    for number in range(30):
        units = [identity(n) for n in draw.sample(range(UNITS), draw.choice((0, 1, 2, 3, 12, 30)))]
        kind = ("entity", "relationship", "community")[number % 3]
        row = entity_row(version, number) | {"text_unit_ids": units}
        table: Any = Entity
        origin = identity(number)
        if kind == "relationship":
            table, row = Relationship, relationship_row(version, number, "a", "b", units)
            origin = row["id"]
        elif kind == "community":
            table, row, origin = Community, community_row(version, number, units), str(number)
        with database.transaction() as session:
            insert_rows(session, table, [row])
        cited.append(Cited(kind, origin))  # type: ignore[arg-type]
        known = [one for one in nearest if one in units]
        behind.append((known + [one for one in units if one not in known])[:4])  # without a vector comes last
    for near in ((), nearest[:10], nearest):
        with database.transaction() as session:
            assert context_rows.units_behind(session, version, QUESTION, cited, 4, near) == behind
    with database.transaction() as session:
        assert context_rows.units_behind(session, version, QUESTION, [], 4) == []


def test_relationships_within_come_before_those_to_what_many_know(database: Database, version: str) -> None:
    draw, chosen = random.Random(5), ["A", "B", "C"]
    rows = []
    for number in range(60):
        source, target = draw.sample(["A", "B", "C", *"defghijkl"], 2)
        rows.append(relationship_row(version, number, source, target, []))
    with database.transaction() as session:
        insert_rows(session, Relationship, rows)
        found = context_rows.relationships_around(session, version, chosen, 25)

    def outside(row: dict[str, Any]) -> str | None:
        ends = [end for end in (row["target"], row["source"]) if end not in chosen]
        return ends[0] if ends else None

    around = [row for row in rows if row["source"] in chosen or row["target"] in chosen]
    links = Counter(outside(row) for row in around)
    expected = sorted(
        around,
        key=lambda row: (
            outside(row) is not None,
            -links[outside(row)],
            -row["combined_degree"],
            row["human_readable_id"],
        ),
    )
    assert [one.number for one in found] == [row["human_readable_id"] for row in expected[:25]]


def test_text_units_come_by_nearness_or_by_links(database: Database, version: str) -> None:
    linked = [identity(n) for n in range(30, 36)]
    with database.transaction() as session:
        insert_rows(session, Entity, [entity_row(version, n) | {"text_unit_ids": linked[:3]} for n in range(2)])
        insert_rows(session, Relationship, [relationship_row(version, 7, "a", "b", linked[2:])])
        near = search.nearest(session, version, "text_unit_text", QUESTION, 5)
        found = context_rows.linked_units(
            session, version, QUESTION, near, [identity(0), identity(1)], [identity(1_007)], most_linked=4
        )
    nearest = exact(vectors(UNITS, SIZE)[:-1], QUESTION)[:5]
    assert [one.id for one in sorted(found, key=lambda one: one.place or 99) if one.place] == nearest
    counts = Counter({**dict.fromkeys(linked[:2], 2), linked[2]: 3, **dict.fromkeys(linked[3:], 1)})
    others = sorted(counts, key=lambda one: (-counts[one], one))[:4]
    assert {one.id for one in found} == set(nearest) | set(others)
    assert all(one.links == counts[one.id] for one in found)
