"""The fan-out, with threads and with greenlets: full, lazy, and never without what was paid for."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from tests.fanout import scenarios
from tests.green import GreenProcess
from tests.llm.echo import echo
from tests.standin import Fault, StandIn

Perform = Callable[..., Any]


@pytest.fixture
def server(model_server: StandIn) -> StandIn:
    model_server.configure(answers=echo)
    return model_server


@pytest.fixture
def place(database_url: str, server: StandIn) -> list[str]:
    """Where the answers are kept and where the model is."""
    return [database_url, server.base_url]


def echo_of(text: str) -> str:
    return echo("test", [{"role": "user", "content": text}], None).strip()


def test_as_many_as_allowed_are_in_flight_and_never_more(perform: Perform, place: list[str], server: StandIn) -> None:
    server.gather(12, "test")  # it cannot end before so many wait for their answers together
    found = perform(scenarios.many, place, 60, 12, 12)
    assert found["delivered"] == {f"question {n}": [echo_of(f"question {n}")] for n in range(60)}
    assert found["finished"]
    assert found["peak_in_flight"] == server.stats().peak_in_flight == 12
    assert (found["stored"], found["calls"], found["retries"], found["in_flight"]) == (60, 60, 0, 0)


def test_the_gate_bounds_what_the_fan_out_sends(perform: Perform, place: list[str], server: StandIn) -> None:
    server.gather(4, "test")
    found = perform(scenarios.many, place, 30, 12, 4)
    assert len(found["delivered"]) == 30
    assert found["peak_in_flight"] == server.stats().peak_in_flight == 4


def test_what_is_stored_is_handed_out_without_asking(perform: Perform, place: list[str], server: StandIn) -> None:
    found = perform(scenarios.hits, place, 300)
    assert found["same"]
    assert found["calls"] == 0
    assert server.counts().asked.total() == 300


def test_identical_questions_are_asked_once_and_read_by_each_in_its_own_way(
    perform: Perform, place: list[str], server: StandIn
) -> None:
    found = perform(scenarios.twins, place)
    expected = {f"item {n}": [str(n)] for n in range(10)} | {"item 5": ["failed: invalid_answer"]}
    assert found["delivered"] == expected
    assert (found["calls"], found["stored"]) == (1, 1)
    assert server.counts().asked.total() == 1


def test_an_answer_can_lead_to_further_questions(perform: Perform, place: list[str]) -> None:
    found = perform(scenarios.follow_ups, place)
    assert found["finished"]
    assert found["times"] == [1] * 50
    assert "vector of 7.3.2.1" in found["items"]


def test_the_urgent_overtakes_what_has_long_been_looked_up(perform: Perform, place: list[str]) -> None:
    order = perform(scenarios.priorities, place)
    urgent = [item for item in order if item.startswith("urgent")]
    assert urgent == ["urgent 0", "urgent 1", "urgent 2"]
    assert order.index("urgent 2") < 100, "slots are filled while the urgent are looked up, and no longer"
    assert [item for item in order if item not in urgent][1:] == [f"normal {n}" for n in range(len(order) - 4)]


def test_it_can_be_left_in_the_middle_and_goes_on(perform: Perform, place: list[str]) -> None:
    early, all_in_all, different = perform(scenarios.until_and_on, place)
    assert 5 <= early <= 10
    assert (all_in_all, different) == (20, 20)


def test_the_order_of_arrival_does_not_change_what_an_item_gets(
    perform: Perform, place: list[str], server: StandIn
) -> None:
    found = []
    for seed in (1, 2):
        server.configure(latency=("lognormal", 0.005, 1.0), seed=seed)
        server.reset()
        execute(place[0], "TRUNCATE answers")  # or the second time they would come from the store, in one order
        found.append(perform(scenarios.same_whatever_the_order, place))
    assert found[0] == found[1]


def execute(url: str, statement: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_failures_become_gaps_that_say_what_and_why(perform: Perform, place: list[str], server: StandIn) -> None:
    server.configure(
        faults=[
            Fault("context_length", match="too long"),
            Fault("server_error", match="broken"),
            Fault("prose", match="prose"),
        ]
    )
    found = perform(scenarios.failures, place, "collection")
    gaps = {gap["item"]: gap for gap in found["gaps"]}
    assert set(gaps) == {"too long", "twin", "broken", "prose"}
    assert {gap["stage"] for gap in gaps.values()} == {"stage"}
    assert {item: gap["reason"] for item, gap in gaps.items()} == {
        "too long": "context_length",
        "twin": "context_length",
        "broken": "server_error",
        "prose": "invalid_answer",
    }
    assert {item: gap["attempts"] for item, gap in gaps.items()} == {
        "too long": 1,
        "twin": 1,
        "broken": 3,
        "prose": 2,
    }
    assert "HTTP 500" in gaps["broken"]["last_error"]
    assert "it is prose" in gaps["prose"]["last_error"]
    assert found["delivered"]["fine"] == [echo_of("fine")]
    assert found["delivered"]["twin"] == ["failed: context_length"]
    assert found["failed"] == 5


def test_no_more_than_the_limit_is_unstored_and_nothing_is_sent_before_what_it_rests_on_is_stored(
    perform: Perform, place: list[str], server: StandIn
) -> None:
    server.configure(latency=0.03)
    found = perform(scenarios.storing, place, 20)
    assert 10 < found["most"] <= 20, "slots are full, and an answer that is not stored yet is in one of them"
    assert found["too_early"] == []
    assert found["stored"] == 200
    assert found["longest"] > 0


def test_a_crash_costs_no_more_than_the_limit_and_leaves_no_trace_in_what_is_delivered(
    place: list[str], server: StandIn
) -> None:
    server.configure(latency=("lognormal", 0.03, 1.0))
    with GreenProcess() as doomed, ThreadPoolExecutor(1) as thread:
        work = thread.submit(doomed, scenarios.same_whatever_the_order, place)
        server.wait_until(lambda stats: stats.answered["test"] >= 60)
        doomed.kill()
        assert isinstance(work.exception(), TimeoutError), "it was killed in the middle"
    before = {question["id"] for question in server.questions()}
    execute(place[0], "UPDATE questions_in_flight SET expires_at = now()")  # nobody renews what the dead have taken
    resumed = scenarios.same_whatever_the_order(place)
    twice = [question for question in server.questions() if question["asked"] > 1]
    assert {question["id"] for question in twice} <= before
    assert len(twice) <= scenarios.SLOTS
    assert {question["asked"] for question in twice} <= {2}
    execute(place[0], "TRUNCATE answers")
    assert resumed == scenarios.same_whatever_the_order(place)


def test_answers_are_stored_while_the_owner_is_busy(perform: Perform, place: list[str]) -> None:
    found = perform(scenarios.busy_owner, place, 20)
    assert found["seen"] == [20] * 20


def test_the_same_questions_of_two_tasks_are_asked_once(perform: Perform, place: list[str], server: StandIn) -> None:
    server.configure(latency=("lognormal", 0.01, 1.0))
    found = perform(scenarios.same_questions, place, 40)
    one, other = found["delivered"]
    assert one == other
    assert len(one) == 120
    stats = server.stats()
    assert stats.asked["test"] == 80
    assert {question["asked"] for question in stats.inputs.values()} == {1}
    assert len(stats.inputs) == 40
    assert found["left"] == 0


def test_the_same_questions_of_two_processes_are_asked_once(
    green: GreenProcess, place: list[str], server: StandIn
) -> None:
    server.configure(latency=("lognormal", 0.01, 1.0))
    with ThreadPoolExecutor(2) as pool:
        there = pool.submit(green, scenarios.many, place, 200, 8, 8)
        here = pool.submit(scenarios.many, place, 200, 8, 8)
        assert here.result()["delivered"] == there.result()["delivered"]
        assert here.result()["calls"] + there.result()["calls"] == 200
    assert server.counts().asked.total() == 200


@pytest.mark.parametrize("held", [True, False])
def test_what_others_have_taken_is_awaited_and_asked_when_they_give_it_up_or_die(
    perform: Perform, place: list[str], server: StandIn, held: bool
) -> None:
    texts = [f"question {number}" for number in range(5)]
    found = perform(scenarios.asks_what_others_ask, place, texts, held)
    expected = {text: [echo_of(text)] for text in texts}
    if held:
        expected["question 4"] = ["from elsewhere"]
    assert found["finished"]
    assert found["delivered"] == expected
    assert found["calls"] == server.counts().asked.total() == 5 - held


def test_an_error_in_the_delivery_loses_no_answer(perform: Perform, place: list[str]) -> None:
    found = perform(scenarios.deliver_raises, place)
    assert found["raised"] == "KeyError"
    # greenlets that were still under way are killed: their calls may have been counted, their answers not taken
    assert found["stored"] >= 5
    assert found["calls"] - found["stored"] <= 9


def test_stopping_waits_for_what_is_under_way_and_for_nothing_else(
    perform: Perform, place: list[str], server: StandIn
) -> None:
    server.configure(faults=[Fault("server_error", match="away")])  # one that holds up nobody else at the gate
    server.gather(7, "test")  # six come: they are held until it has been told to stop
    found = perform(scenarios.stops, place, server.base_url)
    assert not found["finished"]
    assert (found["delivered"], found["stored"], found["in_flight"]) == (6, 6, 0)
    assert found["finished_later"]
    assert found["delivered_later"] == 30


def test_closing_drops_what_is_under_way_and_keeps_what_has_arrived(
    perform: Perform, place: list[str], server: StandIn
) -> None:
    server.configure(faults=[Fault("hang", match="hang")])
    found = perform(scenarios.closes, place)
    assert found["stored"] == 1
    assert found["seconds"] < 1.5, "nobody waits for requests that hang"


def test_requests_are_made_when_there_is_room_for_them(perform: Perform, place: list[str]) -> None:
    found = perform(scenarios.laziness, place, 1000)
    assert found["at_first"] <= 300
    assert found["at_half"] <= 500 + 300
    assert found["at_last"] == 1000


@pytest.mark.parametrize(
    ("size", "tokens", "texts", "expected"),
    [
        (4, 1000, [10] * 10, [2, 4, 4]),
        (100, 50, [20, 20, 20, 20, 20], [1, 2, 2]),
        (100, 50, [200, 10, 10], [1, 2]),
        (1, 50, [10, 10], [1, 1]),
    ],
)
def test_texts_are_embedded_in_batches_of_a_size_and_a_weight(
    perform: Perform, place: list[str], server: StandIn, size: int, tokens: int, texts: list[int], expected: list[int]
) -> None:
    found = perform(scenarios.batches, place, size, tokens, texts)
    assert found == {"finished": True, "delivered": len(texts), "stored": len(texts)}
    assert sorted(len(question["body"]["input"]) for question in server.questions()) == expected


def test_a_refusal_for_good_ends_it_and_keeps_what_the_others_got(
    perform: Perform, place: list[str], server: StandIn
) -> None:
    server.configure(faults=[Fault("unauthorized", match="forbidden")])
    found = perform(scenarios.refused, place, 50)
    assert found["raised"] == "ModelServerRefused"
    assert found["calls"] - 49 <= found["stored"] <= found["calls"]


def test_a_database_that_is_restarted_is_waited_for(perform: Perform, place: list[str]) -> None:
    found = perform(scenarios.database_goes_away, place, "c", 20.0, 0.7)
    assert found == {"raised": "", "stored": 40, "delivered": 40, "calls": 40}


def test_a_database_that_stays_away_ends_it_and_gets_the_answers_when_it_is_back(
    perform: Perform, place: list[str]
) -> None:
    found = perform(scenarios.database_goes_away, place, "c", 0.0, 60.0)
    assert found["raised"] == "DatabaseUnavailable"
    assert found["stored"] >= found["delivered"]
    assert 10 <= found["stored"] <= 13 + 4, "no more is asked when answers cannot be kept"


def test_handing_out_hits_lets_others_run(perform: Perform, place: list[str]) -> None:
    # handing them all out takes 0.6 s; the longest turn is below 0.1, and more only where cores are shared
    assert perform(scenarios.cpu_stays_available, place) < 0.3
