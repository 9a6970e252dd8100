"""Vectors on their way from the answer store into an index: all of them, in one order, and nothing else."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fileintel.errors import EmbeddingSizeChanged, RunFailed
from fileintel.graphrag import vectors
from fileintel.graphrag.vectors import AnsweredVectors, KnownVectors, in_order
from fileintel.storage import answers
from fileintel.storage.answers import StoredAnswer
from fileintel.storage.engine import Database


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def vector(number: int, size: int = 3) -> bytes:
    return array("f", [float(number)] * size).tobytes()


def store(database: Database, *numbers: int, size: int = 3) -> None:
    with database.transaction() as session:
        answers.save(
            session,
            [StoredAnswer(key(n), "m", "embed", None, vector(n, size), None, 1, 0) for n in numbers],
        )


@given(ids=st.sets(st.uuids().map(str) | st.text(max_size=4)))
def test_ids_are_sorted_in_portions_as_they_are_at_once(ids: set[str]) -> None:
    assert list(in_order(ids)) == sorted(ids)


def test_what_is_read_back_is_what_was_in_memory(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "VECTORS_PER_QUERY", 3)
    kinds = {"entity_description": range(5), "text_unit_text": range(3, 12)}  # some have one text, and one answer
    store(database, *range(12))
    keys = {kind: {f"{n:02}": key(n) for n in reversed(numbers)} for kind, numbers in kinds.items()}
    known = {(kind, f"{n:02}"): vector(n) for kind, numbers in kinds.items() for n in numbers}
    assert list(AnsweredVectors(database, keys, 3)) == list(KnownVectors(known))


def test_an_answer_that_is_gone_or_of_another_size_is_not_published(database: Database) -> None:
    store(database, 1)
    with pytest.raises(RunFailed, match="removed from the store meanwhile: start it again"):
        list(AnsweredVectors(database, {"entity_description": {"a": key(1), "b": key(2)}}, 3))
    store(database, 2, size=4)
    with pytest.raises(EmbeddingSizeChanged, match=r"a vector of 4 numbers .* one of 3"):
        list(AnsweredVectors(database, {"entity_description": {"a": key(1), "b": key(2)}}, 3))
