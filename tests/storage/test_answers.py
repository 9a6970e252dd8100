"""The answer store: what was paid for comes back, to the byte, whoever writes and reads at the same time."""

import array
import os
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from fileintel.storable import storable
from fileintel.storage import answers
from fileintel.storage.answers import Freshness, StoredAnswer
from fileintel.storage.engine import Database
from fileintel.storage.models import Answer, utc_now
from tests.storage import scenarios

Perform = Callable[..., Any]


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def stored(number: int, **changes: Any) -> StoredAnswer:
    answer = StoredAnswer(key(number), "model", "extract", f"content {number}", None, "stop", 10, 20)
    return replace(answer, **changes)


def save(database: Database, *given: StoredAnswer) -> None:
    with database.transaction() as session:
        answers.save(session, given)


def find(database: Database, *keys: bytes, since: datetime | None = None) -> dict[bytes, StoredAnswer]:
    with database.transaction() as session:
        return answers.find(session, keys, Freshness(since) if since else None)


def hits(database: Database, number: int) -> int:
    with database.transaction() as session:
        return int(session.execute(select(Answer.hits).where(Answer.key == key(number))).scalar_one())


def test_what_was_saved_is_found(database: Database) -> None:
    vector = array.array("f", [0.1, -2.5e-30, 3e38]).tobytes()
    given = [stored(1), stored(2, content=None, vector=vector, finish_reason=None), stored(3, content="")]
    save(database, *given)
    assert find(database, key(1), key(2), key(3), key(4)) == {answer.key: answer for answer in given}
    assert find(database) == {}


def test_a_newer_answer_replaces_an_older_one(database: Database) -> None:
    save(database, stored(1))
    find(database, key(1))
    save(database, stored(1, content="newer", model="other"))
    assert find(database, key(1))[key(1)] == stored(1, content="newer", model="other")
    assert hits(database, 1) == 2


def test_the_same_key_twice_in_one_batch_is_no_trouble(database: Database) -> None:
    save(database, stored(1), stored(2), stored(1, content="newer"))
    assert find(database, key(1))[key(1)].content == "newer"


def test_only_answers_since_a_moment_are_found_and_counted(database: Database) -> None:
    save(database, stored(1))
    moment = utc_now()
    save(database, stored(2))
    assert set(find(database, key(1), key(2), since=moment)) == {key(2)}
    save(database, stored(1, content="asked afresh"))
    assert set(find(database, key(1), key(2), since=moment)) == {key(1), key(2)}
    assert (hits(database, 1), hits(database, 2)) == (1, 2)


def test_hits_are_counted_for_each_look_up(database: Database) -> None:
    save(database, *(stored(number) for number in range(5)))
    for _ in range(3):
        find(database, *(key(number) for number in range(3)))
    assert [hits(database, number) for number in range(5)] == [3, 3, 3, 0, 0]
    with database.transaction() as session:
        size = answers.size(session)
    assert (size.answers, size.hits) == (5, 9)
    assert size.bytes > 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(codec=None)), max_size=6), st.binary(max_size=64))
def test_any_text_comes_back_as_far_as_postgresql_can_hold_it(
    database: Database, texts: list[str], vector: bytes
) -> None:
    given_answers = [stored(n, content=text, vector=vector) for n, text in enumerate(texts)]
    save(database, *given_answers)
    found = find(database, *(answer.key for answer in given_answers))
    assert found == {answer.key: replace(answer, content=storable(answer.content or "")) for answer in given_answers}


def test_nul_and_lone_surrogates_do_not_stop_a_run(database: Database) -> None:
    save(database, stored(1, content="a\x00b \ud800 \\u0000 \\\\u0000 \U0001f600", model="m\x00", purpose="\udfff"))
    found = find(database, key(1))[key(1)]
    assert found.content == "ab \ufffd \\u0000 \\\\u0000 \U0001f600"
    assert (found.model, found.purpose) == ("m", "\ufffd")


def test_an_answer_of_a_megabyte_is_kept(database: Database) -> None:
    content = "".join(random.Random(0).choices("abcdefgh \n\"'\\é世", k=1_000_000))
    save(database, *(stored(number, content=content) for number in range(3)))
    assert find(database, key(2))[key(2)].content == content


def test_every_byte_of_a_vector_comes_back(database: Database) -> None:
    vector = bytes(range(256)) * 24
    save(database, stored(1, content=None, vector=vector))
    assert find(database, key(1))[key(1)].vector == vector


def test_writers_and_readers_of_the_same_keys_in_any_order_do_not_lock_each_other_out(database_url: str) -> None:
    database = Database(database_url, pool_size=8)
    numbers = list(range(300))
    save(database, *map(stored, numbers))

    def work(worker: int) -> int:
        order = random.Random(worker)
        for _ in range(12):
            order.shuffle(numbers_of := numbers[:])
            if worker % 2:
                save(database, *map(stored, numbers_of[:200]))
            else:
                assert len(find(database, *map(key, numbers_of[:200]))) == 200
        return worker

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == list(range(8))
    database.close()


def test_keys_of_real_questions_are_no_trouble(database: Database) -> None:
    keys = [os.urandom(32) for _ in range(1000)]
    save(database, *(stored(0, key=one) for one in keys))
    assert set(find(database, *keys)) == set(keys)


def test_rows_of_all_kinds_read_back_equal(perform: Perform, database_url: str) -> None:
    assert perform(scenarios.rows_of_all_kinds, database_url) == []
