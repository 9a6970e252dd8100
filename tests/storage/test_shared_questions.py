"""Shared questions: each comes to one end, whoever takes it, marks it, gives it up or takes it back meanwhile."""

import random
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from fileintel.storage import collections, control, questions_in_flight, runs, shared_questions
from fileintel.storage.engine import Database
from fileintel.storage.runs import Lease
from fileintel.storage.shared_questions import Marked, Shared
from fileintel.storage.states import RunState

COORDINATOR = str(uuid.uuid4())
WORKERS = ("worker/1", "worker/2", "worker/3")


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


@pytest.fixture
def lease(database: Database) -> Lease:
    with database.transaction() as session:
        run = runs.create(session, collections.create(session, "shared").id)
        held = runs.acquire(session, run.id, "me")
    assert held is not None
    return held


def share(database: Database, lease: Lease, numbers: range, priority: float = 0.0) -> None:
    keys = [key(number) for number in numbers]
    with database.transaction() as session:
        questions_in_flight.take(session, keys, COORDINATOR)
        questions = [(at, Shared(one, "parser", b"body", priority)) for at, one in enumerate(keys)]
        shared_questions.share(session, lease.run_id, COORDINATOR, questions)


def enlist(database: Database, lease: Lease, worker: str = WORKERS[0], slots: int = 3) -> str | None:
    asker = str(uuid.uuid4())
    with database.transaction() as session:
        return asker if shared_questions.enlist(session, lease, worker, asker, slots) else None


def take(database: Database, lease: Lease, asker: str, most: int) -> list[bytes]:
    with database.transaction() as session:
        return [shared.key for shared in shared_questions.take(session, lease, asker, most)]


def test_the_most_urgent_are_taken_first_and_nobody_has_claimed_them(database: Database, lease: Lease) -> None:
    share(database, lease, range(4), priority=1.0)
    share(database, lease, range(4, 6), priority=-1.0)
    asker = enlist(database, lease)
    assert asker is not None
    assert set(take(database, lease, asker, 3)) == {key(4), key(5), key(0)}
    with database.transaction() as session:
        assert shared_questions.waiting(session, lease.run_id) == 3
        assert questions_in_flight.take(session, [key(number) for number in range(6)], asker) == set(map(key, range(6)))


def test_a_worker_helps_once_and_one_that_has_ended_may_again(database: Database, lease: Lease) -> None:
    asker = enlist(database, lease)
    assert asker is not None
    assert enlist(database, lease) is None
    assert enlist(database, lease, WORKERS[1]) is not None
    with database.transaction() as session:
        assert [helper.slots for helper in shared_questions.helpers(session, lease.run_id)] == [3, 3]
        shared_questions.dismiss(session, lease.run_id, asker)
    assert enlist(database, lease) is not None


@pytest.mark.parametrize("what", ["pause", "cancel", "takeover"])
def test_nothing_is_taken_of_a_run_that_is_not_at_work_under_the_lease(
    database: Database, lease: Lease, what: str
) -> None:
    share(database, lease, range(3))
    asker = enlist(database, lease)
    assert asker is not None
    with database.transaction() as session:
        if what == "pause":
            assert control.pause(session, lease.run_id) is RunState.PAUSED
        elif what == "cancel":
            assert control.cancel(session, lease.run_id) is RunState.CANCELLING
        else:
            assert runs.acquire(session, lease.run_id, "another", owner_is_gone=True) is not None
    assert take(database, lease, asker, 3) == []
    assert enlist(database, lease, WORKERS[1]) is None
    with database.transaction() as session:
        assert not shared_questions.report(session, lease, asker, 3)
        assert [helper.slots for helper in shared_questions.helpers(session, lease.run_id)] == [0]


def test_what_a_helper_has_spent_is_counted_once_also_after_its_end(database: Database, lease: Lease) -> None:
    asker = enlist(database, lease)
    assert asker is not None
    spent = {"calls": 2, "retries": 0, "prompt_tokens": 30, "completion_tokens": 4}
    with database.transaction() as session:
        shared_questions.count(session, lease.run_id, asker, spent)
        shared_questions.dismiss(session, lease.run_id, asker)
        shared_questions.count(session, lease.run_id, asker, {**spent, "calls": 1})
        assert shared_questions.counted(session, lease.run_id) == {
            **spent,
            "calls": 3,
            "prompt_tokens": 60,
            "completion_tokens": 8,
        }
        assert set(shared_questions.counted(session, lease.run_id).values()) == {0}


def test_why_there_is_no_answer_is_told(database: Database, lease: Lease) -> None:
    share(database, lease, range(2))
    asker = enlist(database, lease)
    assert asker is not None
    take(database, lease, asker, 2)
    failed = Marked(key(0), "timeout", 3, "it took too long")
    with database.transaction() as session:
        shared_questions.mark_failed(session, lease.run_id, asker, failed)
        shared_questions.mark_failed(
            session, lease.run_id, str(uuid.uuid4()), Marked(key(1), "timeout", 1, "not its own")
        )
        assert shared_questions.marked(session, lease.run_id) == [failed]
        assert shared_questions.marked(session, lease.run_id) == []
        assert shared_questions.shared(session, lease.run_id) == {key(1)}


@pytest.mark.parametrize("seed", range(3))
def test_each_question_comes_to_one_end(database: Database, lease: Lease, seed: int) -> None:
    """Helpers take, mark and leave at random, while the coordinator collects and takes back."""
    count = 120
    share(database, lease, range(count))

    def help_out(worker: str) -> list[bytes]:
        drawn = random.Random(f"{seed} {worker}")
        answered: list[bytes] = []
        while len(ended) < count:
            asker = enlist(database, lease, worker)
            assert asker is not None
            for _ in range(drawn.randrange(1, 4)):
                mine = take(database, lease, asker, drawn.randrange(1, 9))
                some = drawn.sample(mine, drawn.randrange(len(mine) + 1))
                with database.transaction() as session:
                    shared_questions.mark(session, lease.run_id, asker, some)
                answered += some
            with database.transaction() as session:
                shared_questions.dismiss(session, lease.run_id, asker)
        return answered

    ended: Counter[bytes] = Counter()
    taken_back: list[bytes] = []
    drawn = random.Random(seed)
    with ThreadPoolExecutor(len(WORKERS)) as pool:
        helping = [pool.submit(help_out, worker) for worker in WORKERS]
        while len(ended) < count:
            with database.transaction() as session:
                ended.update(one.key for one in shared_questions.marked(session, lease.run_id))
                back = shared_questions.take_back(session, lease.run_id, drawn.randrange(1, 3))
                ended.update(back)
                taken_back += back
        answered = [one for each in helping for one in each.result()]
    assert set(ended.values()) == {1}
    assert Counter(answered + taken_back) == Counter(map(key, range(count)))
    with database.transaction() as session:
        assert shared_questions.shared(session, lease.run_id) == set()
