"""Runs that nobody works on: found at once, sent by one of those who look, and sent again when nothing comes of it."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from fileintel.storage import collections, control, runs
from fileintel.storage.engine import Database
from fileintel.storage.runs import RESEND_SECONDS, Lease
from fileintel.storage.states import RunKind, RunState
from tests.storage.conftest import make_lease


def found(database: Database, *, gone: bool = False) -> list[str]:
    """The ids of the runs whose message would be sent now."""
    with database.transaction() as session:
        return [run.id for run in runs.take_unattended(session, lambda _: gone)]


def later(database: Database, seconds: float) -> None:
    """As if so much time had passed for everything that is known of runs."""
    with database.transaction() as session:
        session.execute(
            text(
                "UPDATE runs SET created_at = created_at - make_interval(secs => :s), message_sent_at = "
                "message_sent_at - make_interval(secs => :s), lease_expires_at = lease_expires_at "
                "- make_interval(secs => :s)"
            ),
            {"s": seconds},
        )


def test_a_run_that_is_attended_is_left_alone(database: Database, lease: Lease) -> None:
    later(database, runs.LEASE_SECONDS - 5)
    assert found(database) == []


def test_a_dead_workers_run_is_found_as_soon_as_its_lease_has_run_out(database: Database, lease: Lease) -> None:
    later(database, runs.LEASE_SECONDS + 1)
    assert found(database) == [lease.run_id]
    assert found(database) == [], "it was sent a moment ago"
    later(database, RESEND_SECONDS + 1)
    assert found(database) == [lease.run_id], "nothing has come of it"


def test_a_run_whose_owner_is_known_to_be_dead_is_found_before_its_lease_runs_out(
    database: Database, lease: Lease
) -> None:
    assert found(database, gone=True) == [lease.run_id]
    assert found(database, gone=True) == []
    with database.transaction() as session:
        again = runs.acquire(session, lease.run_id, "another")
    assert again is not None
    assert again.token == lease.token + 1
    assert found(database, gone=True) == [lease.run_id], "each death is found at once"


def test_a_lost_message_of_a_new_run_is_sent_again_after_a_while(database: Database) -> None:
    with database.transaction() as session:
        run = runs.create(session, collections.create(session, "c").id)
    assert found(database) == [], "its first message is on its way"
    for _ in range(2):
        later(database, RESEND_SECONDS + 1)
        assert found(database) == [run.id]
        assert found(database) == []


def test_a_run_that_was_handed_back_is_found_at_once(database: Database, lease: Lease) -> None:
    later(database, RESEND_SECONDS + 1)
    with database.transaction() as session:
        runs.renew(session, lease)
        runs.hand_back(session, lease)
    assert found(database) == [lease.run_id]
    with database.transaction() as session:
        runs.note_message(session, [lease.run_id])
    assert found(database) == []


@pytest.mark.parametrize("state", [RunState.PAUSED, RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED])
def test_a_run_that_waits_for_nobody_is_not_sent(database: Database, lease: Lease, state: RunState) -> None:
    with database.transaction() as session:
        runs.find(session, lease.run_id).state = state.value
    later(database, 1000)
    assert found(database, gone=True) == []


def test_a_run_that_was_to_be_cancelled_when_its_worker_died_is_sent_to_be_ended(
    database: Database, lease: Lease
) -> None:
    with database.transaction() as session:
        control.cancel(session, lease.run_id)
    assert found(database, gone=True) == [lease.run_id]
    with database.transaction() as session:
        assert runs.acquire(session, lease.run_id, "another") is None
        assert runs.find(session, lease.run_id).state == RunState.CANCELLED.value


def test_of_many_that_look_one_sends_each_run(database_url: str) -> None:
    database = Database(database_url, pool_size=6)
    held = {make_lease(database, f"collection {number}").run_id for number in range(10)}
    with database.transaction() as session:
        collection = collections.create(session, "questions").id
        waiting = {runs.create(session, collection, RunKind.QUESTION).id for _ in range(10)}
    later(database, 1000)
    at_once = threading.Barrier(6, timeout=20)

    def look(_: int) -> list[str]:
        at_once.wait()
        return found(database)

    with ThreadPoolExecutor(6) as pool:
        sent = Counter(one for ids in pool.map(look, range(6)) for one in ids)
    assert sent == dict.fromkeys(held | waiting, 1)
    database.close()
