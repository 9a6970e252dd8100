"""Questions under way: each is one asker's at a time, whatever happens to the asker."""

import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DataError

from fileintel.fanout.journal import Journal
from fileintel.storage import answers, questions_in_flight
from fileintel.storage.answers import Freshness, StoredAnswer
from fileintel.storage.bulk_insert import ROWS_PER_STATEMENT
from fileintel.storage.engine import Database
from fileintel.storage.models import utc_now

ONE, OTHER = str(uuid.uuid4()), str(uuid.uuid4())


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


KEYS = [key(number) for number in range(5)]


def take(database: Database, asker: str, *keys: bytes) -> set[bytes]:
    with database.transaction() as session:
        return questions_in_flight.take(session, keys, asker)


def give_back(database: Database, asker: str, *keys: bytes) -> None:
    with database.transaction() as session:
        questions_in_flight.give_back(session, keys, asker)


def expire(database: Database) -> None:
    with database.transaction() as session:
        session.execute(text("UPDATE questions_in_flight SET expires_at = now() - interval '1 second'"))


def rows(database: Database) -> int:
    with database.transaction() as session:
        return int(session.execute(text("SELECT count(*) FROM questions_in_flight")).scalar_one())


def answer(one: bytes) -> StoredAnswer:
    return StoredAnswer(one, "m", "p", "content", None, None, 0, 0)


def save(database: Database, *keys: bytes) -> None:
    with database.transaction() as session:
        answers.save(session, map(answer, keys))


def test_a_question_is_taken_once_and_by_the_same_asker_again(database: Database) -> None:
    assert take(database, ONE, *KEYS[:3]) == set(KEYS[:3])
    assert take(database, OTHER, *KEYS) == set(KEYS[3:])
    # a commit whose answer got lost is repeated, and must find what it has taken
    assert take(database, ONE, *KEYS) == set(KEYS[:3])
    assert take(database, ONE) == set()


def test_what_is_given_back_can_be_taken_by_others(database: Database) -> None:
    take(database, ONE, *KEYS)
    give_back(database, OTHER, *KEYS)  # it is not theirs to give
    assert take(database, OTHER, *KEYS) == set()
    give_back(database, ONE, KEYS[0], key(99))
    assert take(database, OTHER, *KEYS) == {KEYS[0]}
    with database.transaction() as session:
        questions_in_flight.give_all_back(session, ONE)
    assert take(database, OTHER, *KEYS) == set(KEYS)
    with database.transaction() as session:
        questions_in_flight.give_all_back(session, OTHER)
    assert rows(database) == 0


def test_a_question_of_an_asker_that_died_is_free_when_it_expires(database: Database) -> None:
    take(database, ONE, *KEYS)
    expire(database)
    with database.transaction() as session:
        questions_in_flight.renew(session, ONE)
    assert take(database, OTHER, *KEYS) == set(), "one that is renewed is alive"
    expire(database)
    assert take(database, OTHER, *KEYS) == set(KEYS)
    with database.transaction() as session:
        questions_in_flight.renew(session, ONE)  # it was only slow, and has lost them
    expire(database)
    assert take(database, ONE, KEYS[0]) == {KEYS[0]}


def test_what_has_an_answer_is_not_taken(database: Database) -> None:
    save(database, *KEYS[:2])
    assert take(database, ONE, *KEYS) == set(KEYS[2:])
    moment = utc_now()
    save(database, KEYS[1])
    with database.transaction() as session:  # for one who asks afresh, only what was answered since counts
        assert questions_in_flight.take(session, KEYS, OTHER, Freshness(moment)) == {KEYS[0]}


@pytest.mark.parametrize("count", [3, ROWS_PER_STATEMENT])  # in a statement of its own, and in several
def test_what_is_answered_is_kept_and_given_back_or_neither(database: Database, count: int) -> None:
    taken = [key(number) for number in range(count)]
    take(database, ONE, *taken[1:])
    take(database, OTHER, taken[0])
    found = list(map(answer, taken))
    alone = answers.fits_one_statement(found)
    assert alone == (count == 3)
    impossible = [*found[:-1], replace(found[-1], prompt_tokens=2**40)]  # PostgreSQL's integers end before
    with pytest.raises(DataError):
        database.retrying(lambda session: questions_in_flight.answered(session, impossible, ONE), alone=alone)
    assert rows(database) == count
    for _ in range(2):  # a commit whose answer got lost is repeated
        database.retrying(lambda session: questions_in_flight.answered(session, found, ONE), alone=alone)
        with database.transaction() as session:
            assert answers.find(session, taken).keys() == set(taken)
    assert rows(database) == 1
    assert take(database, OTHER, *taken) == set()


def test_keeping_answers_is_one_statement(database: Database) -> None:
    journal = Journal(database)
    journal.look_up(KEYS)
    sent: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
    journal.keep(list(map(answer, KEYS)))
    assert len(sent) == 1
    assert rows(database) == 0


def test_of_many_that_want_the_same_questions_each_is_answered_by_one(database_url: str) -> None:
    database = Database(database_url, pool_size=4)
    keys = [key(number) for number in range(100)]

    def work(number: int) -> list[bytes]:
        """Answer all, some at a time and in an order of its own, as far as others leave something."""
        drawn = random.Random(number)
        answered: list[bytes] = []
        while True:
            journal = Journal(database)
            mine = journal.look_up(drawn.sample(keys, len(keys))).taken
            if not mine:
                return answered
            some = drawn.sample(sorted(mine), min(20, len(mine)))
            journal.keep([answer(one) for one in some])
            journal.leave()
            answered += some

    with ThreadPoolExecutor(4) as pool:
        found = [one for answered in pool.map(work, range(4)) for one in answered]
    assert sorted(found) == keys, "each was answered, and none of them twice"
    assert rows(database) == 0
    database.close()
