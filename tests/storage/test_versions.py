"""Index versions: built beside the published one, published whole, dropped without a trace, many at once."""

import math
import random
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select, text

from fileintel.errors import LeaseLost, NoIndexError
from fileintel.storage import collections, runs, search, versions
from fileintel.storage.bulk_insert import insert_rows
from fileintel.storage.engine import Database
from fileintel.storage.models import Embedding, Entity, IndexVersion
from fileintel.storage.runs import Lease
from fileintel.storage.states import RunState
from tests.storage.conftest import collection_of, make_lease

Begin = Callable[..., str]
KIND = "entity_description"


def identity(number: int) -> str:
    return str(uuid.UUID(int=number))


def vectors(count: int, size: int, seed: int = 0) -> list[list[float]]:
    numbers = random.Random(seed)
    return [[numbers.gauss(0, 1) for _ in range(size)] for _ in range(count)]


def write(database: Database, version_id: str, given: list[list[float]], kind: str = KIND) -> None:
    rows = (
        {"version_id": version_id, "kind": kind, "item_id": identity(number), "vector": vector}
        for number, vector in enumerate(given)
    )
    with database.transaction() as session:
        insert_rows(session, Embedding, rows)


def entity_row(version_id: str, number: int) -> dict[str, Any]:
    return {
        "version_id": version_id,
        "id": identity(number),
        "human_readable_id": number,
        "title": f"ENTITY {number}",
        "type": "PERSON",
        "types": ["PERSON"],
        "description": "somebody",
        "text_unit_ids": [],
        "frequency": 1,
        "degree": 0,
    }


def publish(database: Database, lease: Lease, version_id: str, entities: int = 0) -> None:
    with database.transaction() as session:
        insert_rows(session, Entity, (entity_row(version_id, number) for number in range(entities)))
    with database.transaction() as session:
        versions.publish(session, lease, version_id, {"entities": entities})


def finish(database: Database, lease: Lease) -> None:
    with database.transaction() as session:
        runs.finish(session, lease, RunState.SUCCEEDED)


def partitions(database: Database) -> set[str]:
    with database.transaction() as session:
        names = session.execute(
            text("SELECT relname FROM pg_class WHERE relname LIKE 'embeddings\\_%' AND relkind = 'r'")
        )
        return set(names.scalars())


def exact(given: list[list[float]], question: list[float]) -> list[str]:
    def similarity(vector: list[float]) -> float:
        dot = sum(a * b for a, b in zip(vector, question, strict=True))
        return dot / math.sqrt(sum(a * a for a in vector)) / math.sqrt(sum(b * b for b in question))

    return [identity(n) for n in sorted(range(len(given)), key=lambda n: -similarity(given[n]))]


def current(database: Database, collection_id: str) -> IndexVersion:
    with database.transaction() as session:
        return versions.current(session, collections.find(session, collection_id))


def test_the_old_version_answers_until_the_new_one_is_published(database: Database, begin: Begin) -> None:
    first = make_lease(database, "c")
    collection_id = collection_of(database, first)
    with pytest.raises(NoIndexError):
        current(database, collection_id)
    one = begin(first)
    publish(database, first, one, entities=3)
    finish(database, first)
    second = make_lease(database, "c")
    two = begin(second)
    with database.transaction() as session:
        insert_rows(session, Entity, (entity_row(two, number) for number in range(5)))
    assert current(database, collection_id).id == one
    publish(database, second, two)
    assert current(database, collection_id).id == two
    with database.transaction() as session:
        counted = dict(session.execute(select(Entity.version_id, func.count()).group_by(Entity.version_id)).all())
    assert counted == {one: 3, two: 5}


def test_a_reader_in_the_middle_of_a_publication_sees_one_whole_version(database: Database, begin: Begin) -> None:
    first = make_lease(database, "c")
    one = begin(first)
    publish(database, first, one, entities=3)
    finish(database, first)
    second = make_lease(database, "c")
    two = begin(second)
    collection_id = collection_of(database, first)
    with database.transaction() as writing:
        insert_rows(writing, Entity, (entity_row(two, number) for number in range(5)))
        versions.publish(writing, second, two, {})
        seen = current(database, collection_id)
        with database.transaction() as reading:
            count = select(func.count()).select_from(Entity).where(Entity.version_id == seen.id)
            assert reading.execute(count).scalar_one() == 3
        assert seen.id == one
    assert current(database, collection_id).id == two


def test_an_old_lease_publishes_nothing(database: Database, begin: Begin) -> None:
    old = make_lease(database, "c")
    version = begin(old)
    with database.transaction() as session:
        assert runs.acquire(session, old.run_id, "another worker", owner_is_gone=True) is not None
    with pytest.raises(LeaseLost):
        publish(database, old, version)
    with pytest.raises(NoIndexError):
        current(database, collection_of(database, old))
    with pytest.raises(LeaseLost):
        begin(old)


def test_what_an_earlier_attempt_of_the_run_left_is_dropped(database: Database, begin: Begin, lease: Lease) -> None:
    left = begin(lease)
    write(database, left, vectors(3, 3))
    again = begin(lease)
    assert partitions(database) == {versions.partition_name(again)}
    with database.transaction() as session:
        assert [version.id for version in versions.of_collection(session, collection_of(database, lease))] == [again]


def test_dropping_leaves_no_row_and_no_table(database: Database, begin: Begin, lease: Lease) -> None:
    version = begin(lease)
    write(database, version, vectors(10, 3))
    publish(database, lease, version, entities=4)
    with database.transaction() as session:
        versions.drop(session, version)
    assert partitions(database) == set()
    with database.transaction() as session:
        for table in (Embedding, Entity, IndexVersion):
            assert session.execute(select(func.count()).select_from(table)).scalar_one() == 0
    with pytest.raises(NoIndexError):
        current(database, collection_of(database, lease))
    with database.transaction() as session:
        versions.drop(session, version)  # once more is harmless


def test_retention_keeps_the_newest_and_the_one_in_use(database: Database, begin: Begin) -> None:
    published = []
    for number in range(5):
        lease = make_lease(database, "c")
        version = begin(lease)
        if number == 3:  # one that never got published does not count
            finish(database, lease)
            continue
        publish(database, lease, version)
        finish(database, lease)
        published.append(version)
    collection_id = collection_of(database, lease)
    with database.transaction() as session:
        assert versions.beyond(session, collection_id, 2) == [published[1], published[0]]
        collections.find(session, collection_id).current_version_id = published[0]  # rolled back by hand
    with database.transaction() as session:
        assert versions.beyond(session, collection_id, 2) == [published[1]]
        assert versions.beyond(session, collection_id, 10) == []


def test_many_collections_are_indexed_searched_and_cleaned_up_at_once(database_url: str) -> None:
    database = Database(database_url, pool_size=10)

    def index(number: int) -> int:
        found = 0
        for _ in range(4):
            lease = make_lease(database, f"collection {number}")
            with database.transaction() as session:
                collection_id = runs.find(session, lease.run_id).collection_id
                version = versions.begin(
                    session, lease, collection_id, fingerprint="f", embedding_model="m", embedding_size=3
                ).id
            write(database, version, vectors(20, 3))
            with database.transaction() as session:
                versions.build_vector_indexes(session, version, 3)
            with database.transaction() as session:
                versions.publish(session, lease, version, {})
                versions.drop_all(session, versions.beyond(session, collection_id, 1))
            finish(database, lease)
            with database.transaction() as session:
                inside = versions.current(session, collections.find(session, collection_id))
                found += len(search.nearest(session, inside.id, KIND, [1.0, 0.0, 0.0], 5))
        return found

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(index, range(8))) == [20] * 8
    assert len(partitions(database)) == 8
    database.close()


def test_what_a_run_that_is_over_left_half_written_is_abandoned_and_nothing_else(
    database: Database, begin: Begin
) -> None:
    published, at_work, over = (make_lease(database, name) for name in ("published", "at work", "over"))
    publish(database, published, begin(published))
    finish(database, published)
    begin(at_work)
    half_written = begin(over)
    with database.transaction() as session:
        runs.finish(session, over, RunState.CANCELLED)
    with database.transaction() as session:
        assert list(versions.abandoned(session)) == [half_written]


def test_readers_do_not_wait_for_a_version_that_is_being_written(database: Database, begin: Begin) -> None:
    first = make_lease(database, "c")
    one = begin(first)
    write(database, one, vectors(5, 3))
    publish(database, first, one)
    other = make_lease(database, "d")
    with database.transaction() as session:
        collection_id = runs.find(session, other.run_id).collection_id
        versions.begin(session, other, collection_id, fingerprint="f", embedding_model="m", embedding_size=3)
        with database.transaction() as reading:
            reading.execute(text("SET LOCAL lock_timeout = '200ms'"))
            assert len(search.nearest(reading, one, KIND, [1.0, 0.0, 0.0], 5)) == 5


@pytest.mark.parametrize("size", [2, 2_001, 4_001])
def test_a_search_without_an_index_is_exact(database: Database, begin: Begin, lease: Lease, size: int) -> None:
    given = vectors(30, size)
    version = begin(lease, size=size)
    write(database, version, given)
    with database.transaction() as session:
        versions.build_vector_indexes(session, version, size)
    question = vectors(1, size, seed=9)[0]
    with database.transaction() as session:
        near = search.nearest(session, version, KIND, question, 10)
        among = search.nearest(session, version, KIND, question, 10, among=[identity(3), identity(5)])
    assert [one.id for one in near] == exact(given, question)[:10]
    assert near[0].similarity <= 1
    assert {one.id for one in among} == {identity(3), identity(5)}


@pytest.mark.parametrize("size", [8, 2_001])
def test_many_vectors_get_an_index_that_is_used_and_agrees_with_an_exact_search(
    database: Database,
    begin: Begin,
    lease: Lease,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
) -> None:
    count = 3_000 if size == 8 else 150
    monkeypatch.setattr(versions, "EXACT_SEARCH_ROWS", count // 2)
    given = vectors(count, size)
    version = begin(lease, size=size)
    write(database, version, given)
    write(database, version, given[:10], kind="text_unit_text")
    with database.transaction() as session:
        versions.build_vector_indexes(session, version, size)
    with database.transaction() as session:
        definitions = session.execute(
            text("SELECT indexdef FROM pg_indexes WHERE tablename = :table"),
            {"table": versions.partition_name(version)},
        )
        hnsw = [definition for definition in definitions.scalars() if "hnsw" in definition]
    assert len(hnsw) == 1, "one kind has too few vectors for an index"
    assert "halfvec_cosine_ops" in hnsw[0]

    agreement = 0
    for seed in range(10):
        question = vectors(1, size, seed=100 + seed)[0]
        with database.transaction() as session:
            if size != 8:
                session.execute(text("SET LOCAL enable_sort = off"))  # so few rows would be scanned otherwise
                session.execute(text("SET LOCAL enable_seqscan = off"))
            found = [one.id for one in search.nearest(session, version, KIND, question, 10)]
            plan = explain(session, version, question)
        assert f"Index Scan using {hnsw[0].split()[2]}" in plan, plan
        agreement += len(set(found) & set(exact(given, question)[:10]))
    assert agreement >= 95


@pytest.mark.parametrize(("allowed", "used", "workers"), [(0, "own", "2"), (1, "own", "2"), (2_000, "more", "0")])
def test_a_large_index_is_built_with_memory_of_its_builder_alone(
    database: Database,
    begin: Begin,
    lease: Lease,
    monkeypatch: pytest.MonkeyPatch,
    allowed: int,
    used: str,
    workers: str,
) -> None:
    monkeypatch.setattr(versions, "EXACT_SEARCH_ROWS", 10)
    monkeypatch.setattr(versions, "HNSW_BYTES_BESIDE", 2**26)  # as if there were millions
    version = begin(lease, size=3)
    write(database, version, vectors(20, 3))
    memory = text("SELECT pg_size_bytes(current_setting('maintenance_work_mem')) / 1048576")
    with database.transaction() as session:
        own = session.execute(memory).scalar_one()
        versions.build_vector_indexes(session, version, 3, allowed)
        assert session.execute(memory).scalar_one() == (own if used == "own" else 1281)
        at_once = session.execute(text("SHOW max_parallel_maintenance_workers")).scalar_one()
        assert at_once == workers
    with database.transaction() as session:
        assert session.execute(memory).scalar_one() == own


def explain(session: Any, version_id: str, question: list[float]) -> str:
    expression, _ = versions.vector_expression(len(question))
    kind = expression.partition("::")[2]
    lines = session.execute(
        text(
            f"EXPLAIN SELECT item_id FROM embeddings WHERE version_id = CAST(:version AS uuid) AND kind = '{KIND}' "
            f"ORDER BY ({expression}) <=> CAST(:question AS {kind}) LIMIT 10"
        ),
        {"version": version_id, "question": str(question)},
    )
    return "\n".join(lines.scalars())


def test_versions_with_vectors_of_two_sizes_live_side_by_side(database: Database, begin: Begin) -> None:
    found = {}
    for size, name in ((3, "small"), (5, "large")):
        lease = make_lease(database, name)
        version = begin(lease, size=size)
        write(database, version, vectors(20, size))
        with database.transaction() as session:
            versions.build_vector_indexes(session, version, size)
        found[size] = version
    with database.transaction() as session:
        for size, version in found.items():
            question = vectors(1, size, seed=9)[0]
            near = search.nearest(session, version, KIND, question, 3)
            assert [one.id for one in near] == exact(vectors(20, size), question)[:3]
