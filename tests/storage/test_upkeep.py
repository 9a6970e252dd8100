"""Removing answers that nobody uses, while others find and keep answers, and never what a run may need."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text, update

from fileintel.storage import answers, runs, upkeep
from fileintel.storage.engine import Database
from fileintel.storage.models import Answer, Run
from fileintel.storage.runs import Lease
from fileintel.storage.states import RunState
from fileintel.storage.upkeep import Removed, Stale
from tests.storage.conftest import make_lease
from tests.storage.test_answers import find, key, save, stored
from tests.storage.test_versions import Begin, publish

NOW = datetime.now(UTC)


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def keep(database: Database, number: int, *, used: float, **changes: Any) -> None:
    """An answer that was last used so many days ago."""
    save(database, stored(number, **changes))
    with database.transaction() as session:
        moment = days_ago(used)
        session.execute(update(Answer).where(Answer.key == key(number)).values(last_used_at=moment, created_at=moment))


def left(database: Database) -> list[int]:
    with database.transaction() as session:
        return sorted(int.from_bytes(found) for found in session.execute(select(Answer.key)).scalars())


def prune(database: Database, stale: Stale) -> list[Removed]:
    return list(upkeep.remove(database, stale))


def begun(database: Database, run_id: str, days: float) -> None:
    with database.transaction() as session:
        session.execute(update(Run).where(Run.id == run_id).values(created_at=days_ago(days)))


def end(database: Database, lease: Lease) -> None:
    with database.transaction() as session:
        runs.finish(session, lease, RunState.SUCCEEDED)


def test_what_was_not_used_for_long_goes_and_what_was_used_stays(database: Database) -> None:
    for number, used in enumerate((100, 91, 89, 0)):
        keep(database, number, used=used)
    stale = Stale(days_ago(90))
    with database.transaction() as session:
        announced = upkeep.would_remove(session, stale)
    assert left(database) == [0, 1, 2, 3]
    assert prune(database, stale) == announced
    assert [(one.answers, one.kept) for one in announced] == [(2, 0)]
    assert announced[0].bytes == len("content 0") + len("content 1")
    assert left(database) == [2, 3]


def test_only_the_answers_of_a_model_go(database: Database) -> None:
    keep(database, 1, used=50, model="old")
    keep(database, 2, used=50, model="new")
    keep(database, 3, used=1, model="old")
    assert [one.answers for one in prune(database, Stale(days_ago(10), "old"))] == [1]
    assert [one.answers for one in prune(database, Stale(model="old"))] == [1]
    assert left(database) == [2]


def test_an_answer_that_was_found_counts_as_used(database: Database) -> None:
    keep(database, 1, used=100)
    assert find(database, key(1))
    assert prune(database, Stale(days_ago(90))) == []


@pytest.mark.parametrize("paused", [False, True])
def test_what_a_run_in_progress_may_need_stays(database: Database, begin: Begin, paused: bool) -> None:
    maker = make_lease(database, "c")
    publish(database, maker, begin(maker))
    end(database, maker)
    begun(database, maker.run_id, 200)
    for number, used in enumerate((210, 199, 120, 0)):  # before that version, for it, in between, just now
        keep(database, number, used=used)
    running = make_lease(database, "c")
    if paused:
        with database.transaction() as session:
            runs.find(session, running.run_id).state = RunState.PAUSED.value
    stale = Stale(days_ago(90))
    with database.transaction() as session:
        assert [(one.answers, one.kept) for one in upkeep.would_remove(session, stale)] == [(1, 2)]
    assert [(one.answers, one.kept) for one in prune(database, stale)] == [(1, 2)]
    assert left(database) == [1, 2, 3]
    with database.transaction() as session:
        runs.find(session, running.run_id).state = RunState.FAILED.value
    assert [(one.answers, one.kept) for one in prune(database, stale)] == [(2, 0)]


def test_a_run_on_a_new_collection_protects_what_it_was_answered_itself(database: Database) -> None:
    running = make_lease(database, "c")
    begun(database, running.run_id, 100)
    keep(database, 1, used=101)
    keep(database, 2, used=99)
    prune(database, Stale(days_ago(90)))
    assert left(database) == [2]


def test_an_answer_that_somebody_is_using_is_not_waited_for(database: Database) -> None:
    keep(database, 1, used=100)
    keep(database, 2, used=100)
    with database.transaction() as session:
        assert answers.find(session, [key(1)])
        assert [one.answers for one in prune(database, Stale(days_ago(90)))] == [1]
    assert left(database) == [1]


@settings(
    max_examples=25, deadline=None, database=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(st.lists(st.tuples(st.integers(0, 200), st.sampled_from("ab")), max_size=12), st.integers(0, 200))
def test_window_by_window_the_same_goes_as_at_once(
    database: Database, monkeypatch: pytest.MonkeyPatch, ages: list[tuple[int, str]], days: int
) -> None:
    with database.transaction() as session:
        session.execute(delete(Answer))
    for number, (used, model) in enumerate(ages):
        keep(database, number, used=used + 0.5, model=model)
    monkeypatch.setattr(upkeep, "WINDOW", 3)
    removed = prune(database, Stale(days_ago(days), "a"))
    expected = [number for number, (used, model) in enumerate(ages) if not (used >= days and model == "a")]
    assert left(database) == expected
    assert sum(one.answers for one in removed) == len(ages) - len(expected)


def test_the_store_is_described_by_model_and_purpose(database: Database) -> None:
    for number, (model, purpose) in enumerate(itertools.product(("m", "n"), ("extract", "report"))):
        keep(database, number, used=number, model=model, purpose=purpose)
    save(database, stored(9, content=None, vector=b"12345678", purpose="embed"))
    find(database, key(0))
    with database.transaction() as session:
        groups = {(one.model, one.purpose): one for one in upkeep.groups(session)}
    assert len(groups) == 5
    assert groups["m", "extract"].hits == 1
    assert groups["m", "extract"].last_used > groups["m", "extract"].newest == days_ago(0)
    assert groups["model", "embed"].bytes == 8
    assert groups["n", "report"].oldest == days_ago(3)
    assert (groups["n", "report"].prompt_tokens, groups["n", "report"].completion_tokens) == (10, 20)


def test_nothing_is_locked_for_longer_than_one_window(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        keep(database, number, used=100)
    monkeypatch.setattr(upkeep, "WINDOW", 2)
    removing = upkeep.remove(database, Stale(days_ago(90)))
    next(removing)
    with database.transaction() as session:  # between two windows nothing is locked, and no transaction is open
        locks = text("SELECT count(*) FROM pg_locks WHERE relation = 'answers'::regclass")
        assert session.execute(locks).scalar_one() == 0
        assert session.execute(select(Answer.key).with_for_update(nowait=True)).all()
    assert left(database) == [2, 3, 4, 5]
    removing.close()
