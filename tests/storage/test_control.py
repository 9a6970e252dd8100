"""What a person asks of a run, in whatever order and whatever its worker does meanwhile."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text, update

from fileintel.errors import ConflictError, LeaseLost, RunCancelled
from fileintel.fanout.journal import RunJournal
from fileintel.fanout.progress import Progress
from fileintel.llm.client import Tally
from fileintel.storage import collections, control, run_events, runs
from fileintel.storage.engine import Database
from fileintel.storage.models import Run, utc_now
from fileintel.storage.runs import Lease
from fileintel.storage.states import ACTIVE_STATES, RunKind, RunState, may_become
from tests.storage.conftest import collection_of
from tests.storage.test_runs import acquire, finish, state

PERSON: dict[str, Callable[..., RunState]] = {
    "cancel": control.cancel,
    "pause": control.pause,
    "resume": control.resume,
}
WORKER = ("acquire", "tick", "throttled tick", "hand back", "succeed", "fail", "expire")


def ask(database: Database, lease: Lease, what: str) -> RunState:
    with database.transaction() as session:
        return PERSON[what](session, lease.run_id)


def expire(database: Database, lease: Lease) -> None:
    """The time of a lease is over, if there is one."""
    with database.transaction() as session:
        over = "UPDATE runs SET lease_expires_at = now() - interval '1 s' WHERE id = :id AND lease_expires_at > now()"
        session.execute(text(over), {"id": lease.run_id})


def hand_back(database: Database, lease: Lease) -> RunState:
    with database.transaction() as session:
        return runs.hand_back(session, lease)


def journal_of(database: Database, lease: Lease, trouble: str | None = None) -> RunJournal:
    return RunJournal(database, lease, Progress([]), Tally(), patience=0, throttling=lambda: trouble)


def told(database: Database, lease: Lease) -> list[tuple[str, str]]:
    """The states that the events of a run tell, with their reasons."""
    with database.transaction() as session:
        events = run_events.events(session, lease.run_id)
        return [(event.data["state"], event.data["reason"]) for event in events if event.kind == "state"]


def row(database: Database, lease: Lease) -> Run:
    with database.transaction() as session:
        return runs.find(session, lease.run_id)


class Play:
    """One run, what persons ask of it, and a worker that keeps its leases."""

    def __init__(self, database: Database, run_id: str) -> None:
        self.database = database
        self.leases = [Lease(run_id, -1)]  # it has none yet

    def act(self, what: str) -> None:
        """Do one thing; what is refused changes nothing."""
        before = row(self.database, self.leases[-1])
        try:
            self._do(what)
        except (ConflictError, LeaseLost, RunCancelled):
            after = row(self.database, self.leases[-1])
            assert (after.state, after.token) == (before.state, before.token)

    def _do(self, what: str) -> None:
        lease = self.leases[-1]
        if what in PERSON:
            ask(self.database, lease, what)
        elif what == "acquire":
            self.leases += [found] if (found := acquire(self.database, lease.run_id)) else []
        elif what in ("tick", "throttled tick"):
            journal_of(self.database, lease, "busy" if what == "throttled tick" else None).write_progress()
        elif what == "hand back":
            hand_back(self.database, lease)
        elif what == "expire":
            expire(self.database, lease)
        else:
            finish(self.database, lease, RunState.SUCCEEDED if what == "succeed" else RunState.FAILED)


@settings(
    max_examples=80, deadline=None, database=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(st.lists(st.sampled_from([*PERSON, *WORKER]), max_size=14))
def test_whatever_is_asked_for_in_whatever_order_a_run_takes_only_allowed_ways(
    database: Database, acts: list[str]
) -> None:
    with database.transaction() as session:
        name = f"c{session.execute(text('SELECT count(*) FROM runs')).scalar_one()}"
        run_id = runs.create(session, collections.create(session, name).id).id
    play = Play(database, run_id)
    for act in acts:
        play.act(act)
        run = row(database, play.leases[-1])
        states = [RunState(name) for name, _ in told(database, play.leases[-1])]
        assert states[-1] == run.state, "every change of state is told"
        assert states[0] is RunState.QUEUED
        assert all(may_become(one, other) for one, other in pairwise(states)), states
        assert all(reason for _, reason in told(database, play.leases[-1]))
        if RunState(run.state) not in ACTIVE_STATES:
            assert (run.owner, run.lease_expires_at) == (None, None)
            assert run.finished_at is not None
            assert acquire(database, run_id) is None
    if RunState(run_state := row(database, play.leases[-1]).state) in ACTIVE_STATES:  # it never comes to be stuck
        if run_state == RunState.PAUSED.value:
            play.act("resume")
        play.act("expire")
        play.act("acquire")
        play.act("succeed")
        assert row(database, play.leases[-1]).state in (RunState.SUCCEEDED.value, RunState.CANCELLED.value)


def test_a_queued_run_that_is_paused_waits_until_it_is_resumed(database: Database, lease: Lease) -> None:
    hand_back(database, lease)
    assert ask(database, lease, "pause") is RunState.PAUSED
    assert ask(database, lease, "pause") is RunState.PAUSED
    assert acquire(database, lease.run_id) is None
    with database.transaction() as session:
        session.execute(update(Run).values(created_at=utc_now() - timedelta(hours=1)))
        assert runs.take_unattended(session, lambda _: False) == [], "no sweeper sends its message"
    assert ask(database, lease, "resume") is RunState.QUEUED
    with database.transaction() as session:
        assert [run.id for run in runs.take_unattended(session, lambda _: False)] == [lease.run_id]
    assert acquire(database, lease.run_id) is not None
    with pytest.raises(ConflictError, match="not paused: it is running"):
        ask(database, lease, "resume")


def test_a_worker_hears_of_a_pause_keeps_its_lease_and_then_lets_go(database: Database, lease: Lease) -> None:
    journal = journal_of(database, lease)
    assert ask(database, lease, "pause") is RunState.PAUSED
    journal.write_progress()
    assert journal.pausing
    assert acquire(database, lease.run_id) is None
    journal.write_progress()  # answers still under way are kept
    assert hand_back(database, lease) is RunState.PAUSED
    assert row(database, lease).owner is None
    assert acquire(database, lease.run_id) is None


def test_a_run_that_is_resumed_before_its_worker_has_let_go_is_queued_by_it(database: Database, lease: Lease) -> None:
    journal = journal_of(database, lease)
    ask(database, lease, "pause")
    journal.write_progress()
    assert ask(database, lease, "resume") is RunState.RUNNING
    journal.write_progress()
    assert journal.pausing, "what was called off cannot be called back"
    assert hand_back(database, lease) is RunState.QUEUED


def test_a_run_that_is_cancelled_while_it_comes_to_rest_ends(database: Database, lease: Lease) -> None:
    ask(database, lease, "pause")
    assert ask(database, lease, "cancel") is RunState.CANCELLING
    with pytest.raises(ConflictError, match="is being cancelled"):
        ask(database, lease, "pause")
    assert hand_back(database, lease) is RunState.CANCELLED
    assert row(database, lease).finished_at is not None


def test_a_run_that_was_done_before_it_heard_of_a_request_is_done(database: Database, lease: Lease) -> None:
    ask(database, lease, "cancel")
    finish(database, lease, RunState.SUCCEEDED)
    assert state(database, lease) is RunState.SUCCEEDED
    with pytest.raises(ConflictError, match="over already: succeeded"):
        ask(database, lease, "pause")


def test_a_worker_that_was_only_slow_cannot_write_once_its_run_was_paused(database: Database, lease: Lease) -> None:
    expire(database, lease)
    ask(database, lease, "pause")
    with pytest.raises(LeaseLost):
        journal_of(database, lease).write_progress()
    ask(database, lease, "resume")
    with pytest.raises(LeaseLost):
        journal_of(database, lease).write_progress()


def test_of_a_worker_that_is_known_to_be_dead_nothing_is_waited_for(database: Database, lease: Lease) -> None:
    with database.transaction() as session:
        assert control.pause(session, lease.run_id, owner_is_gone=True) is RunState.PAUSED
    assert row(database, lease).owner is None
    with database.transaction() as session:
        assert control.cancel(session, lease.run_id, owner_is_gone=True) is RunState.CANCELLED


def test_a_question_at_work_cannot_be_paused_and_a_queued_one_can(database: Database, lease: Lease) -> None:
    with database.transaction() as session:
        run = runs.create(session, collection_of(database, lease), RunKind.QUESTION)
    question = Lease(run.id, 0)
    ask(database, question, "pause")
    ask(database, question, "resume")
    assert acquire(database, run.id) is not None
    with pytest.raises(ConflictError, match="cannot be paused"):
        ask(database, question, "pause")


def test_the_state_shows_that_the_model_server_is_busy_and_that_it_is_not_any_more(
    database: Database, lease: Lease
) -> None:
    for trouble in (None, "busy", "busy", None, None):
        journal_of(database, lease, trouble).write_progress()
    assert [name for name, _ in told(database, lease)] == ["queued", "running", "throttled", "running"]
    assert told(database, lease)[2][1] == "busy"
    ask(database, lease, "pause")
    journal_of(database, lease, "busy").write_progress()
    assert state(database, lease) is RunState.PAUSED
