"""A run whose questions two workers answer: the index is the same, and nothing is asked twice, whatever becomes of
the helper. Answers are held until both workers ask, so that nothing here depends on who is faster."""

import os
import signal
import uuid

from sqlalchemy import text

from fileintel.runs import help
from fileintel.runs.dispatch import CeleryDispatcher
from tests import doing
from tests.api.installation import wait_for
from tests.sharing.conftest import DOCUMENTS, LIMIT, Crew
from tests.standin import Fault

BOTH = 2 * LIMIT
WANTED = "SELECT count(*) FROM run_helpers WHERE slots > 0 AND seen_at IS NOT NULL"
WRITTEN = "SELECT seconds FROM run_stages WHERE name = 'extract' ORDER BY run_id"
LEFT = "SELECT (SELECT count(*) FROM shared_questions), (SELECT count(*) FROM run_helpers WHERE seen_at IS NOT NULL)"


def test_an_index_that_two_workers_have_asked_for_is_that_of_one_alone(crew: Crew) -> None:
    alone = crew.alone
    run_id = crew.order()
    crew.model.gather(BOTH, "extract")  # one worker alone would wait for ever
    run = crew.wait(run_id)
    assert run["state"] == "succeeded", run
    assert run["llm"]["workers"] == 2
    assert crew.tables() == alone
    assert crew.asked_twice() == 0
    # the helper's calls are counted with the run's own
    stats = crew.model.stats()
    assert run["llm"]["calls"] == sum(stats.asked.values())
    assert run["llm"]["cached"] == 0
    assert {stage["cached"] for stage in run["stages"]} == {0}
    assert crew.rows("SELECT count(*) FROM shared_questions") == [(0,)]


def test_what_a_helper_gets_no_answer_to_is_a_gap_of_the_run(crew: Crew) -> None:
    names = [f"Island x{number} lies" for number in range(DOCUMENTS)]
    crew.model.configure(faults=[Fault("prose", purpose="extract", match=name) for name in names[DOCUMENTS // 2 :]])
    run_id = crew.order()
    crew.model.gather(BOTH, "extract")
    run = crew.wait(run_id)
    assert run["state"] == "succeeded_with_gaps", run
    assert [(gap["stage"], gap["reason"], gap["attempts"]) for gap in run["gaps"]] == [
        ("extract", "invalid_answer", 2)
    ] * (DOCUMENTS // 2)
    assert crew.asked_twice() == 0


def test_a_paused_run_is_not_helped_with(crew: Crew) -> None:
    run_id = crew.order()
    crew.hold(BOTH)
    doing.pause_run(crew.workspace, run_id)
    wait_for(lambda: crew.rows(WANTED) == [(0,)], "the helper to hear of it")
    for _ in range(2):  # the first may have begun before
        written = crew.rows(WRITTEN)
        wait_for(lambda then=written: crew.rows(WRITTEN) != then, "the coordinator to hear of it")  # type: ignore[misc]
    crew.model.resume()
    wait_for(lambda: crew.show(run_id)["owner"] is None, "the coordinator to let go")
    wait_for(lambda: crew.rows(LEFT) == [(0, 0)], "the helper to let go")
    assert crew.model.counts().asked["extract"] == BOTH
    doing.resume_run(crew.workspace, CeleryDispatcher(crew.app), run_id)
    run = crew.wait(run_id)
    assert run["state"] == "succeeded", run
    assert run["llm"]["calls"] == sum(crew.model.stats().asked.values())
    assert crew.asked_twice() == 0


def test_who_has_nothing_to_help_with_leaves(crew: Crew) -> None:
    def helps(run_id: str, worker: int = os.getpid()) -> bool:
        return help.help_with(crew.workspace, run_id, worker, lambda: False)

    run_id = crew.order()
    crew.hold(BOTH)
    assert not helps(run_id, worker=os.getppid()), "a child of a worker is needed for other tasks"
    with crew.workspace.database.transaction() as session:
        session.execute(
            text('UPDATE runs SET models = models || \'{"chat": "another"}\' WHERE id = :id'), {"id": run_id}
        )
    assert not helps(run_id), "this process asks another model"
    crew.model.resume()
    assert crew.wait(run_id)["state"] == "succeeded"
    assert not helps(run_id), "it is over"
    assert not helps(str(uuid.uuid4())), "it is gone"
    assert crew.rows("SELECT count(DISTINCT worker) FROM run_helpers")[0][0] <= 2


def test_a_helper_that_is_killed_costs_what_it_had_under_way(crew: Crew) -> None:
    expected = crew.alone
    run_id = crew.order()
    crew.hold(BOTH)
    holder = int(str(crew.show(run_id)["owner"]).split("/")[1])
    (helper,) = [worker for worker in crew.workers if worker.process.pid != holder]
    os.kill(helper.process.pid, signal.SIGKILL)
    helper.process.wait()
    crew.model.resume()
    run = crew.wait(run_id)
    assert run["state"] == "succeeded", run
    assert run["attempts"] == 1
    assert crew.tables() == expected
    assert crew.asked_twice() <= LIMIT
    assert crew.rows("SELECT count(*) FROM questions_in_flight") == [(0,)]


def test_a_run_whose_coordinator_is_killed_goes_on_with_what_helpers_have_stored(crew: Crew) -> None:
    expected = crew.alone
    crew.start_worker()
    crew.wait_for_workers()
    run_id = crew.order()
    crew.hold(BOTH)
    holder = int(str(crew.show(run_id)["owner"]).split("/")[1])
    (coordinator,) = [worker for worker in crew.workers if worker.process.pid == holder]
    os.kill(holder, signal.SIGKILL)
    coordinator.process.wait()
    crew.model.resume()
    run = crew.wait(run_id)
    assert run["state"] == "succeeded", run
    assert run["attempts"] == 2
    assert crew.tables() == expected
    assert crew.asked_twice() <= LIMIT
