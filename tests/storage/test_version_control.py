"""What a person does with versions: go back to one, compare two, ask what one covers."""

import threading
import uuid
from dataclasses import asdict
from typing import Any

import pytest
from sqlalchemy import text

from fileintel.errors import IndexGone, NoIndexError, NotFoundError
from fileintel.storage import comparison, coverage, run_counts, runs, versions
from fileintel.storage.bulk_insert import insert_rows
from fileintel.storage.engine import Database
from fileintel.storage.models import (
    Collection,
    Community,
    CommunityReport,
    Embedding,
    Entity,
    IndexedDocument,
    IndexVersion,
    Relationship,
    TextUnit,
    utc_now,
)
from fileintel.storage.run_counts import GapRecord
from fileintel.storage.runs import Lease
from tests.storage.conftest import collection_of, make_lease
from tests.storage.test_versions import Begin, entity_row, finish, identity, partitions, publish


def built(database: Database, begin: Begin, name: str = "c", entities: int = 1) -> str:
    """A published version of a collection, made by a run of its own."""
    lease = make_lease(database, name)
    version = begin(lease)
    publish(database, lease, version, entities=entities)
    finish(database, lease)
    return version


@pytest.fixture
def three(database: Database, begin: Begin) -> list[str]:
    """The ids of three published versions of the collection `c`; the last one is in use."""
    return [built(database, begin) for _ in range(3)]


def collection(database: Database) -> Collection:
    with database.transaction() as session:
        return session.query(Collection).one()


def roll_back(database: Database, number: int | None = None) -> tuple[int, int]:
    with database.transaction() as session:
        was, now = versions.roll_back(session, collection(database).id, number)
        return was.number, now.number


def retain(database: Database, keep: int) -> None:
    with database.transaction() as session:
        versions.drop_all(session, versions.beyond(session, collection(database).id, keep))


def test_a_rollback_moves_the_pointer_and_nothing_else(database: Database, three: list[str]) -> None:
    assert roll_back(database) == (3, 2)
    assert collection(database).current_version_id == three[1]
    assert roll_back(database) == (2, 1)
    with pytest.raises(NotFoundError, match="before 1: kept are 1, 2, 3"):
        roll_back(database)
    assert roll_back(database, 3) == (1, 3)
    assert roll_back(database, 3) == (3, 3)
    with pytest.raises(NotFoundError, match=r"no version 4 of .*: kept are 1, 2, 3"):
        roll_back(database, 4)
    assert collection(database).current_version_id == three[2]
    assert len(partitions(database)) == 3


def test_what_is_being_built_cannot_be_rolled_back_to(database: Database, begin: Begin) -> None:
    lease = make_lease(database, "c")
    begin(lease)
    with pytest.raises(NoIndexError):
        roll_back(database)
    with pytest.raises(NoIndexError):
        roll_back(database, 1)


def test_retention_keeps_the_version_in_use_however_old_it_is(database: Database, three: list[str]) -> None:
    roll_back(database, 1)
    retain(database, 1)
    with database.transaction() as session:
        kept = [version.number for version in versions.published(session, collection(database).id)]
    assert kept == [3, 1]
    assert partitions(database) == {versions.partition_name(three[0]), versions.partition_name(three[2])}


def test_a_version_is_not_dropped_while_somebody_makes_it_the_current_one(database: Database, three: list[str]) -> None:
    done = threading.Thread(target=retain, args=(database, 1))
    with database.transaction() as session:
        versions.roll_back(session, collection(database).id, 1)
        done.start()
        done.join(0.3)
        assert done.is_alive(), "it waits for the rollback"
    done.join()
    with database.transaction() as session:
        assert versions.current(session, session.query(Collection).one()).id == three[0]


def test_what_earlier_runs_left_unfinished_goes_with_the_next_one(database: Database, begin: Begin) -> None:
    lost = make_lease(database, "c")
    begin(lost)
    finish(database, lost)
    version = begin(make_lease(database, "c"))
    assert partitions(database) == {versions.partition_name(version)}


def test_a_reader_hears_that_a_version_was_dropped_under_its_hands(database: Database, three: list[str]) -> None:
    with database.transaction() as session:
        version = session.get_one(IndexVersion, three[0])
        versions.require(session, version)
        retain(database, 1)
        with pytest.raises(IndexGone, match="index version 1 was deleted"):
            versions.require(session, version)


def test_the_version_in_use_may_vanish_between_two_looks(database: Database, three: list[str]) -> None:
    with database.transaction() as session:
        seen = session.query(Collection).one()
        with database.transaction() as other:
            versions.drop(other, three[2])
        with pytest.raises(IndexGone, match="ask again"):
            versions.current(session, seen)


def text_unit(version: str, number: int, document: int) -> dict[str, Any]:
    place = {"start": 0, "end": 1, "first_page": 1, "last_page": 1, "n_tokens": 1, "text": "t"}
    return {
        "version_id": version, "id": identity(100 + number), "human_readable_id": number,
        "document_id": identity(document), **place,
    }  # fmt: skip


def document(version: str, number: int) -> dict[str, Any]:
    return {
        "version_id": version, "id": identity(number), "human_readable_id": number, "title": "t",
        "name": f"{number}.md", "sha256": "", "created_at": utc_now().isoformat(),
    }  # fmt: skip


def relationship(version: str, number: int, **changes: Any) -> dict[str, Any]:
    return {
        "version_id": version, "id": identity(300 + number), "human_readable_id": number, "source": f"A{number}",
        "target": "B", "description": "knows", "weight": 1.0, "combined_degree": 2, "text_unit_ids": [], **changes,
    }  # fmt: skip


def community(version: str, number: int, entities: list[int]) -> dict[str, Any]:
    return {
        "version_id": version, "id": identity(400 + number), "human_readable_id": number, "community": number,
        "level": 0, "parent": -1, "children": [], "title": f"Community {number}",
        "entity_ids": [identity(entity) for entity in entities], "relationship_ids": [], "text_unit_ids": [],
        "period": "", "size": len(entities), "residual": False,
    }  # fmt: skip


def report(version: str, number: int, **changes: Any) -> dict[str, Any]:
    return {
        "version_id": version, "id": identity(500 + number), "human_readable_id": number, "community": number,
        "level": 0, "parent": -1, "children": [], "title": f"Report {number}", "summary": "s", "full_content": "f",
        "rank": 5.0, "rating_explanation": "", "findings": [], "full_content_json": "{}", "period": "", "size": 1,
        **changes,
    }  # fmt: skip


def units(*numbers: int) -> list[str]:
    return [identity(100 + number) for number in numbers]


def test_coverage_counts_what_was_found_what_was_empty_and_what_failed(database: Database, begin: Begin) -> None:
    lease = make_lease(database, "c")
    version = begin(lease)
    gaps = [
        GapRecord("extract", identity(103), "timeout", 6, "ReadTimeout"),
        GapRecord("extract", identity(104), "invalid_answer", 2, "no record"),  # a gleaning: it has an entity as well
        GapRecord("report", "Community 1", "context_length", 1, "too long"),
    ]
    tables: list[tuple[Any, list[dict[str, Any]]]] = [
        (IndexedDocument, [document(version, number) for number in (0, 1, 2)]),  # the last one without text
        (TextUnit, [text_unit(version, n, document=0 if n < 3 else 1) for n in range(5)]),
        (
            Entity,
            [
                entity_row(version, 0) | {"text_unit_ids": units(0)},
                entity_row(version, 1) | {"text_unit_ids": units(0, 4)},
                entity_row(version, 2) | {"text_unit_ids": units(4)},
            ],
        ),
        (Relationship, [relationship(version, 0, text_unit_ids=units(1))]),
        (Community, [community(version, 0, [0, 1]), community(version, 1, [1])]),
        (CommunityReport, [report(version, 0)]),
    ]
    vectors = [("text_unit_text", 100), ("text_unit_text", 101), ("entity_description", 0), ("entity_description", 999)]
    with database.transaction() as session:
        for table, rows in tables:
            insert_rows(session, table, rows)
        made = [
            {"version_id": version, "kind": kind, "item_id": identity(n), "vector": [1, 2, 3]} for kind, n in vectors
        ]
        insert_rows(session, Embedding, made)
        run_counts.save_gaps(session, lease.run_id, gaps)
        found = coverage.of_version(session, session.get_one(IndexVersion, version))
    counted = asdict(found)
    assert counted["text_units"] == {"text_units": 5, "extracted": 2, "empty": 1, "failed": 2}
    assert counted["entities"] == {"entities": 3, "without_community": 1, "reach_a_report": 2}
    assert counted["communities"] == {"communities": 2, "without_report": 1}
    assert counted["vectors"] == [
        {"kind": "community_full_content", "items": 1, "missing": 1},
        {"kind": "entity_description", "items": 3, "missing": 2},
        {"kind": "text_unit_text", "items": 5, "missing": 3},
    ]
    assert [(gap.stage, gap.reason, gap.items) for gap in found.gaps] == [
        ("extract", "invalid_answer", 1), ("extract", "timeout", 1), ("report", "context_length", 1)
    ]  # fmt: skip
    columns = ("name", "text_units", "extracted", "empty", "failed", "entities", "reach_a_report")
    assert [tuple(one[column] for column in columns) for one in counted["documents"]] == [
        ("0.md", 3, 2, 1, 0, 2, 2),
        ("1.md", 2, 0, 0, 2, 2, 1),
        ("2.md", 0, 0, 0, 0, 0, 0),
    ]


def test_the_coverage_of_one_version_knows_nothing_of_another(database: Database, begin: Begin) -> None:
    one, other = built(database, begin, entities=4), built(database, begin, entities=2)
    with database.transaction() as session:
        counted = [coverage.of_version(session, session.get_one(IndexVersion, v)).entities for v in (one, other)]
    assert [count.entities for count in counted] == [4, 2]


def test_a_comparison_tells_what_is_new_what_is_gone_and_what_says_something_else(
    database: Database, begin: Begin
) -> None:
    lease = make_lease(database, "c")
    old, new = begin(lease), str(uuid.uuid4())
    with database.transaction() as session:  # one run has made both: the second one beside the first
        session.execute(
            text(
                "INSERT INTO index_versions SELECT :new, collection_id, run_id, number + 1, 'published', fingerprint, "
                "embedding_model, embedding_size, counts, created_at, now() FROM index_versions"
            ),
            {"new": new},
        )
        insert_rows(session, Entity, [entity_row(old, number) for number in range(6)])
        later = [entity_row(new, number) for number in range(2, 9)]
        later[0] |= {"description": "somebody else"}
        later[1] |= {
            "degree": 7,
            "human_readable_id": 77,
            "text_unit_ids": units(1),
        }  # where it is told apart by nothing
        insert_rows(session, Entity, later)
        insert_rows(session, Relationship, [relationship(old, 0), relationship(old, 1)])
        insert_rows(session, Relationship, [relationship(new, 0), relationship(new, 1, weight=2.0)])
        insert_rows(session, CommunityReport, [report(old, 0), report(old, 1, full_content="g")])
        insert_rows(session, CommunityReport, [report(new, 1, full_content="h")])
        entities = comparison.difference(session, "entities", old, new, 2)
        assert entities.totals == {"added": 3, "removed": 2, "changed": 1}
        assert [(item.change, item.name) for item in entities.items] == [
            ("added", "ENTITY 6"), ("added", "ENTITY 7"), ("changed", "ENTITY 2"), ("removed", "ENTITY 0"),
            ("removed", "ENTITY 1"),
        ]  # fmt: skip
        links = comparison.difference(session, "relationships", old, new, 5)
        assert (links.totals["changed"], links.items[0].name) == (1, "A1 — B")
        reports = comparison.difference(session, "reports", old, new, 5)
        assert reports.totals == {"added": 0, "removed": 1, "changed": 1}
        assert comparison.difference(session, "entities", new, new, 5).items == []
        assert comparison.counts(session, new)["entities"] == 7


def test_leases_and_versions_of_other_collections_are_not_touched(database: Database, begin: Begin) -> None:
    built(database, begin, "c")
    other = built(database, begin, "d")
    lease = make_lease(database, "d")
    pending = begin(lease)
    with database.transaction() as session:
        found = {one.name: one.id for one in session.query(Collection)}
        versions.begin(
            session, _lease(session, found["c"]), found["c"], fingerprint="", embedding_model="", embedding_size=3
        )
    assert {versions.partition_name(other), versions.partition_name(pending)} <= partitions(database)
    assert collection_of(database, lease) == found["d"]


def _lease(session: Any, collection_id: str) -> Lease:
    run = runs.create(session, collection_id)
    held = runs.acquire(session, run.id, "w")
    assert held is not None
    return held
