"""Vectors of passages in PostgreSQL: sets with tables of their own, exact search and HNSW."""

import array
import random
import uuid

import pytest
from sqlalchemy import text

from fileintel.storage import collections, vectors
from fileintel.storage.bulk_insert import insert_rows
from fileintel.storage.engine import Database
from fileintel.storage.models import Document, DocumentTextUnit, VectorSet
from fileintel.storage.versions import EXACT_SEARCH_ROWS

SIZE = 12


def filled(database: Database, count: int, size: int = SIZE) -> tuple[VectorSet, dict[str, list[float]]]:
    """A set with vectors of `count` passages, and these by passage."""
    chance = random.Random(count)
    ids = [str(uuid.UUID(int=chance.getrandbits(128))) for _ in range(count)]
    found = {identity: [chance.gauss(0, 1) for _ in range(size)] for identity in ids}
    with database.transaction() as session:
        collection_id = collections.create(session, "c").id
        document = Document(
            id=str(uuid.uuid4()), collection_id=collection_id, sha256="0" * 64, name="n", title="t", source="s",
            media_type="text/plain", size=1, pages=1, characters=1,
        )  # fmt: skip
        session.add(document)
        session.flush()
        row = {"start": 0, "end": 1, "first_page": 1, "last_page": 1, "n_tokens": 1, "text": "x"}
        rows = ({"id": one, "document_id": document.id, "number": at, **row} for at, one in enumerate(ids))
        insert_rows(session, DocumentTextUnit, rows)
        vector_set = vectors.open_set(session, collection_id, "m", size)
        vectors.add(session, vector_set.id, ((one, array.array("f", v).tobytes()) for one, v in found.items()))
    return vector_set, found


def by_cosine(question: list[float], found: dict[str, list[float]]) -> list[str]:
    def similarity(vector: list[float]) -> float:
        length = sum(x * x for x in vector) ** 0.5
        return sum(x * y for x, y in zip(question, vector, strict=True)) / length

    return sorted(found, key=lambda one: -similarity(found[one]))


def indexes(database: Database, vector_set: VectorSet) -> list[str]:
    statement = "SELECT indexdef FROM pg_indexes WHERE tablename = :table AND indexdef LIKE '%hnsw%'"
    with database.transaction() as session:
        table = vectors.partition_name(vector_set.id)
        return list(session.execute(text(statement), {"table": table}).scalars())


def test_a_small_set_is_searched_exactly(database: Database) -> None:
    vector_set, found = filled(database, 300)
    with database.transaction() as session:
        vectors.tidy(session, vector_set)
    assert indexes(database, vector_set) == []
    question = [1.0, *[0.5] * (SIZE - 1)]
    with database.transaction() as session:
        near = vectors.nearest(session, vector_set, question, 20)
    assert [one.id for one in near] == by_cosine(question, found)[:20]


def test_a_large_set_has_an_index_and_uses_it(database: Database) -> None:
    vector_set, found = filled(database, EXACT_SEARCH_ROWS + 500)
    for _ in range(2):  # a run after the first finds the index there
        with database.transaction() as session:
            vectors.tidy(session, vector_set)
    assert len(indexes(database, vector_set)) == 1
    questions = [[random.Random(at).gauss(0, 1) for _ in range(SIZE)] for at in range(10)]
    hits = 0
    for question in questions:
        with database.transaction() as session:
            near = vectors.nearest(session, vector_set, question, 10)
        hits += len({one.id for one in near} & set(by_cosine(question, found)[:10]))
    assert hits >= 95  # of 100
    plan = (
        "EXPLAIN SELECT text_unit_id FROM text_unit_vectors JOIN document_text_units AS unit ON unit.id = text_unit_id "
        f"WHERE set_id = '{vector_set.id}' ORDER BY (vector::halfvec({SIZE})) <=> "
        f"CAST('{questions[0]}' AS halfvec({SIZE})) LIMIT 20"
    )
    with database.transaction() as session:
        assert "_hnsw" in "\n".join(session.execute(text(plan)).scalars())


@pytest.mark.parametrize("size", [2500, 4100])
def test_long_vectors_are_found_too(database: Database, size: int) -> None:
    vector_set, found = filled(database, 5, size)
    question = next(iter(found.values()))
    with database.transaction() as session:
        vectors.tidy(session, vector_set)
        near = vectors.nearest(session, vector_set, question, 1)
    assert near[0].id == next(iter(found))
    assert near[0].similarity == pytest.approx(1.0, abs=1e-3)


def test_opening_a_set_twice_gives_the_same_one(database: Database) -> None:
    vector_set, _ = filled(database, 3)
    with database.transaction() as session:
        again = vectors.open_set(session, vector_set.collection_id, "m", SIZE)
        other = vectors.open_set(session, vector_set.collection_id, "m", SIZE + 1)
    assert again.id == vector_set.id
    assert other.id != vector_set.id
    with database.transaction() as session:
        vectors.drop_all(session, [vector_set.id])
        assert [one.id for one in vectors.sets_of(session, vector_set.collection_id)] == [other.id]


def test_what_lacks_a_vector_comes_in_pages_and_vectors_without_a_passage_are_not_found(database: Database) -> None:
    vector_set, found = filled(database, 10)
    gone = list(found)[4]
    with database.transaction() as session:
        session.execute(text("DELETE FROM document_text_units WHERE id = CAST(:id AS uuid)"), {"id": gone})
        assert gone not in {one.id for one in vectors.nearest(session, vector_set, found[gone], 10)}
        other = vectors.open_set(session, vector_set.collection_id, "m", SIZE + 1)
        assert vectors.coverage(session, vector_set.collection_id, other.id) == vectors.Coverage(9, 0)
        assert vectors.coverage(session, vector_set.collection_id, None).lacking == 9
        listed: list[str] = []
        after = None
        while batch := vectors.lacking(session, vector_set.collection_id, other.id, after, 4):
            listed += [one.id for one in batch]
            after = (batch[-1].document_id, batch[-1].number)
        assert listed == [one for one in found if one != gone]
        assert vectors.delete_orphans(session, vector_set) == 1
