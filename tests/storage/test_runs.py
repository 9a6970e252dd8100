"""Runs and their leases: one owner at a time, and whoever was replaced cannot write any more."""

import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest
from sqlalchemy import func, select, text

from fileintel.errors import ConflictError, LeaseLost, RunCancelled
from fileintel.fanout.journal import RunJournal
from fileintel.fanout.progress import Progress
from fileintel.llm.client import Tally
from fileintel.runs.lease import LeaseKeeper, is_gone, this_process
from fileintel.storage import answers, collections, control, run_counts, run_events, runs
from fileintel.storage.answers import StoredAnswer
from fileintel.storage.engine import Database
from fileintel.storage.models import Gap, Run
from fileintel.storage.run_counts import GapRecord
from fileintel.storage.runs import Lease
from fileintel.storage.states import ACTIVE_STATES, TRANSITIONS, RunState, may_become
from tests.storage.conftest import make_lease

ENDS = (RunState.SUCCEEDED, RunState.SUCCEEDED_WITH_GAPS, RunState.FAILED, RunState.CANCELLED)
GAP = GapRecord("extract", "unit 1", "timeout", 6, "ReadTimeout")


def state(database: Database, lease: Lease) -> RunState:
    with database.transaction() as session:
        return RunState(runs.find(session, lease.run_id).state)


def put(database: Database, lease: Lease, wanted: RunState) -> None:
    with database.transaction() as session:
        runs.find(session, lease.run_id).state = wanted.value


def expire(database: Database, lease: Lease) -> None:
    with database.transaction() as session:
        session.execute(text("UPDATE runs SET lease_expires_at = now() - interval '1 second'"))


def acquire(database: Database, run_id: str, owner: str = "another", *, owner_is_gone: bool = False) -> Lease | None:
    with database.transaction() as session:
        return runs.acquire(session, run_id, owner, owner_is_gone=owner_is_gone)


def finish(database: Database, lease: Lease, end: RunState) -> None:
    with database.transaction() as session:
        runs.finish(session, lease, end)


def test_states_that_end_a_run_are_left_by_no_way() -> None:
    assert all(not TRANSITIONS[end] for end in ENDS)
    assert set(TRANSITIONS) == set(RunState)
    assert set(RunState) - ACTIVE_STATES == set(ENDS)
    for one, other in product(RunState, RunState):
        assert may_become(one, other) == (other in TRANSITIONS[one])


@pytest.mark.parametrize(("current", "end"), list(product(sorted(RunState), ENDS)))
def test_a_run_ends_only_by_an_allowed_way(database: Database, lease: Lease, current: RunState, end: RunState) -> None:
    put(database, lease, current)
    if may_become(current, end) or current == end:
        finish(database, lease, end)
        assert state(database, lease) is end
    else:
        with pytest.raises(LeaseLost):
            finish(database, lease, end)
        assert state(database, lease) is current


def test_ending_a_run_twice_is_harmless_and_ending_it_otherwise_is_not(database: Database, lease: Lease) -> None:
    finish(database, lease, RunState.SUCCEEDED)
    with database.transaction() as session:
        before = runs.find(session, lease.run_id).finished_at
        events = len(run_events.events(session, lease.run_id))
    finish(database, lease, RunState.SUCCEEDED)
    with database.transaction() as session:
        run = runs.find(session, lease.run_id)
        assert (run.finished_at, len(run_events.events(session, lease.run_id))) == (before, events)
        assert (run.owner, run.lease_expires_at) == (None, None)
    with pytest.raises(LeaseLost):
        finish(database, lease, RunState.FAILED)


def test_a_live_lease_is_respected(database: Database, lease: Lease) -> None:
    assert acquire(database, lease.run_id) is None
    finish(database, lease, RunState.FAILED)
    assert acquire(database, lease.run_id) is None, "a run that is over is not taken up"


def test_of_many_that_want_a_run_one_gets_it(database_url: str) -> None:
    database = Database(database_url, pool_size=8)
    lease = make_lease(database, "c")
    expire(database, lease)
    with ThreadPoolExecutor(8) as pool:
        leases = list(pool.map(lambda number: acquire(database, lease.run_id, f"worker {number}"), range(8)))
    won = [found for found in leases if found is not None]
    assert len(won) == 1
    assert won[0].token == lease.token + 1
    database.close()


def test_a_run_that_was_taken_since_it_was_looked_at_is_not_taken_again(database: Database, lease: Lease) -> None:
    expire(database, lease)
    with database.transaction() as session:
        seen = runs.find(session, lease.run_id)
        other = acquire(database, lease.run_id)
        assert other is not None
        assert runs.acquire(session, lease.run_id, "late") is None
        assert seen.token == other.token == lease.token + 1
    with database.transaction() as session:
        seen = runs.find(session, lease.run_id)
        finish(database, other, RunState.FAILED)
        with pytest.raises(ConflictError):
            control.cancel(session, seen.id)


def test_of_many_that_begin_a_run_on_a_collection_one_does(database_url: str) -> None:
    database = Database(database_url, pool_size=8)
    with database.transaction() as session:
        identity = collections.create(session, "c").id

    def create(_: int) -> str:
        try:
            with database.transaction() as session:
                return runs.create(session, identity).state
        except ConflictError:
            return "conflict"

    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(create, range(8)))
    assert found == ["conflict"] * 7 + ["queued"]
    with database.transaction() as session:
        assert runs.active(session, identity) is not None
        assert session.execute(select(func.count()).select_from(Run)).scalar_one() == 1
    database.close()


@pytest.mark.parametrize("way", ["expired", "owner is gone"])
def test_a_dead_workers_run_is_taken_over_and_its_ghost_cannot_write(
    database: Database, lease: Lease, way: str
) -> None:
    if way == "expired":
        expire(database, lease)
    new = acquire(database, lease.run_id, owner_is_gone=way == "owner is gone")
    assert new is not None
    ghost = RunJournal(database, lease, Progress(["extract"]), Tally(5), patience=0)
    ghost.keep([answer(1)])
    with pytest.raises(LeaseLost):
        ghost.fail([answer(2).key], [GAP])
    with pytest.raises(LeaseLost):
        ghost.write_progress()
    for end in ENDS:
        with pytest.raises(LeaseLost):
            finish(database, lease, end)
    with pytest.raises(LeaseLost), database.transaction() as session:
        runs.hand_back(session, lease)
    with database.transaction() as session:
        run = runs.find(session, lease.run_id)
        assert (run.state, run.token, run.attempts, run.llm) == ("running", new.token, 2, {})
        assert session.execute(select(func.count()).select_from(Gap)).scalar_one() == 0
        assert run_counts.stages(session, lease.run_id) == []
        # what was paid for belongs to no run
        assert answers.find(session, [answer(1).key])


def answer(number: int) -> StoredAnswer:
    return StoredAnswer(bytes([number]), "m", "p", "content", None, None, 0, 0)


def test_a_run_that_is_handed_back_can_be_taken_up_at_once(database: Database, lease: Lease) -> None:
    with database.transaction() as session:
        runs.hand_back(session, lease)
    assert state(database, lease) is RunState.QUEUED
    again = acquire(database, lease.run_id)
    assert again is not None
    assert again.token == lease.token + 1


def test_cancelling_a_run_that_nobody_holds_ends_it(database: Database, lease: Lease) -> None:
    with database.transaction() as session:
        runs.hand_back(session, lease)
    with database.transaction() as session:
        assert control.cancel(session, lease.run_id) is RunState.CANCELLED
    with pytest.raises(LeaseLost), database.transaction() as session:
        runs.renew(session, lease)
    with pytest.raises(ConflictError), database.transaction() as session:
        control.cancel(session, lease.run_id)


def test_the_owner_hears_of_a_cancellation(database: Database, lease: Lease) -> None:
    journal = RunJournal(database, lease, Progress([]), Tally())
    journal.tick()
    with database.transaction() as session:
        assert control.cancel(session, lease.run_id) is RunState.CANCELLING
        assert control.cancel(session, lease.run_id) is RunState.CANCELLING
    with pytest.raises(RunCancelled):
        journal.write_progress()
    finish(database, lease, RunState.CANCELLED)


def test_a_run_whose_worker_died_before_it_could_cancel_it_is_not_started_again(
    database: Database, lease: Lease
) -> None:
    with database.transaction() as session:
        control.cancel(session, lease.run_id)
    expire(database, lease)
    assert acquire(database, lease.run_id) is None
    assert state(database, lease) is RunState.CANCELLED
    with database.transaction() as session:
        assert runs.find(session, lease.run_id).finished_at is not None


def test_gaps_are_kept_once_for_each_item_with_the_newest_reason(database: Database, lease: Lease) -> None:
    newer = GapRecord("extract", "unit 1", "context_length", 1, "too long \x00 \ud800")
    with database.transaction() as session:
        run_counts.save_gaps(session, lease.run_id, [GAP, newer, GapRecord("extract", "unit 2", "x", 1, "y")])
        run_counts.save_gaps(session, lease.run_id, [GAP])
    with database.transaction() as session:
        assert [gap.item for gap in run_counts.gaps(session, lease.run_id)] == ["unit 1", "unit 2"]
        assert run_counts.gaps(session, lease.run_id)[0] == GAP
        run_counts.clear_gaps(session, lease.run_id)
        assert run_counts.gaps(session, lease.run_id) == []


def test_progress_is_written_with_the_lease(database: Database, lease: Lease) -> None:
    progress = Progress(["extract", "report"])
    journal = RunJournal(database, lease, progress, Tally(3, 1, 100, 50))
    progress.begin("extract", 2)
    progress.item_done("extract", cached=True)
    progress.item_done("extract", failed=True)
    journal.write_progress()
    with database.transaction() as session:
        extract, report = run_counts.stages(session, lease.run_id)
        assert (extract.total, extract.done, extract.cached, extract.failed) == (2, 2, 1, 1)
        assert (report.name, report.total, report.seconds) == ("report", 0, 0)
        assert runs.find(session, lease.run_id).llm["prompt_tokens"] == 100


def test_a_lease_is_kept_alive_in_the_background_and_no_longer(database: Database, lease: Lease) -> None:
    expire(database, lease)
    with LeaseKeeper(database, lease, every=0.02):
        wait_until_held(database, lease)
    expire(database, lease)
    assert acquire(database, lease.run_id) is not None
    # the keeper of a lease that was lost ends by itself, quietly
    threads = threading.active_count()
    with LeaseKeeper(database, lease, every=0.01):
        deadline = time.monotonic() + 5
        while threading.active_count() > threads:
            assert time.monotonic() < deadline
            time.sleep(0.005)


def wait_until_held(database: Database, lease: Lease) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with database.transaction() as session:
            if session.execute(text("SELECT lease_expires_at > now() FROM runs")).scalar_one():
                return
        time.sleep(0.005)
    raise AssertionError("nobody renewed the lease")


def test_this_process_is_not_gone() -> None:
    assert not is_gone(this_process())


def test_a_process_that_died_is_gone_even_before_its_parent_has_noticed() -> None:
    code = "from fileintel.runs.lease import this_process; print(this_process(), flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    owner = child.stdout.readline().strip()
    assert not is_gone(owner)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table of processes
    assert is_gone(owner)
    child.communicate()
    assert is_gone(owner)


def test_another_process_with_the_same_number_is_not_the_owner() -> None:
    host, pid, started, namespace = this_process().split("/")
    assert is_gone(f"{host}/{pid}/{int(started) - 1}/{namespace}")


def test_of_other_machines_and_containers_nothing_is_known() -> None:
    host, pid, _, namespace = this_process().split("/")
    assert host == socket.gethostname()
    assert not is_gone(f"elsewhere/{pid}/1/{namespace}")
    assert not is_gone(f"{host}/{pid}/1/{int(namespace) + 1}")
    assert not is_gone(f"{host}/{pid}/?/{namespace}")
    assert not is_gone(f"{host}/{pid}/1")
    assert not is_gone("a worker")
    assert not is_gone("")
    assert not is_gone(None)
