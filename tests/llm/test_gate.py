"""The gate: never too many, everyone in turn, nobody lost."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fileintel.llm.caller import Caller, CallerCancelled
from fileintel.llm.gate import Gate, ServerAway
from tests.green import GreenProcess
from tests.llm import gate_scenarios

steps = st.lists(
    st.tuples(
        st.integers(0, 3),  # the errand
        st.integers(0, 3),  # how long it works, in switches
        st.sampled_from(["", "", "", "succeeded", "refused", "lost", "found", "settled", "fails"]),
    ),
    max_size=40,
)


class Clock:
    """Time that goes by when it is told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), steps)
def test_there_are_never_more_than_the_limit_and_everyone_gets_in(
    ceiling: int, schedule: list[tuple[int, int, str]]
) -> None:
    gate, errands = Gate(ceiling), [Caller(urgent=number == 3) for number in range(4)]
    inside, most, lock = 0, 0, threading.Lock()

    def work(caller: int, switches: int, event: str) -> None:
        nonlocal inside, most
        with gate.slot(errands[caller]):
            with lock:
                inside += 1
                most = max(most, inside)
            for _ in range(switches):
                time.sleep(0)
            with lock:
                inside -= 1
            if event == "succeeded":
                gate.succeeded()
            elif event == "refused":
                gate.refused(0.001)
            elif event == "lost":
                gate.lost(0.001)
            elif event == "found":
                gate.found()
            elif event == "settled":
                gate.settle(switches)
            elif event == "fails":
                raise ValueError

    with ThreadPoolExecutor(len(schedule) or 1) as pool:
        done = [pool.submit(work, *step) for step in schedule]
    assert all(each.done() for each in done)
    reading = gate.reading()
    assert most <= reading.peak <= ceiling
    assert (reading.in_flight, reading.waiting) == (0, 0)


def test_a_task_with_one_question_does_not_wait_behind_fifty_of_another() -> None:
    gate, many, one = Gate(1), Caller(), Caller()
    order: list[str] = []

    def enter(caller: Caller, name: str) -> None:
        with gate.slot(caller):
            order.append(name)

    with ThreadPoolExecutor(52) as pool, gate.slot(many):
        for number in range(50):
            pool.submit(enter, many, f"many {number}")
        until(lambda: gate.reading().waiting == 50)
        pool.submit(enter, one, "one")
        until(lambda: gate.reading().waiting == 51)
    assert order.index("one") <= 1
    assert len(order) == 51


def test_within_a_task_the_first_to_come_is_the_first_to_go() -> None:
    gate, caller = Gate(1), Caller()
    order: list[int] = []

    def enter(number: int) -> None:
        with gate.slot(caller):
            order.append(number)

    with ThreadPoolExecutor(10) as pool, gate.slot(caller):
        for number in range(10):
            pool.submit(enter, number)
            until(lambda: gate.reading().waiting == number + 1)  # noqa: B023
    assert order == list(range(10))


def test_a_burst_of_refusals_is_one_signal() -> None:
    clock = Clock()
    gate = Gate(50, clock)
    for _ in range(50):
        gate.refused()
    assert gate.reading().limit == 35
    clock.now += 1
    gate.refused()
    assert gate.reading().limit == 24
    assert gate.reading().throttled


def test_the_limit_never_shrinks_to_nothing_and_never_grows_beyond_the_ceiling() -> None:
    clock = Clock()
    gate = Gate(10, clock)
    for _ in range(30):
        clock.now += 1
        gate.refused()
    assert gate.reading().limit == 1
    for _ in range(1000):
        gate.succeeded()
    assert gate.reading().limit == 10
    assert not gate.reading().throttled


def test_after_an_outage_the_limit_that_worked_is_back_soon_and_more_is_tried_slowly() -> None:
    clock = Clock()
    gate = Gate(100, clock)
    for _ in range(30):  # no success in between: says nothing about how much is too much
        clock.now += 1
        gate.refused()
    for _ in range(69):
        gate.succeeded()
    assert gate.reading().limit == 70
    for _ in range(69):
        gate.succeeded()
    assert gate.reading().limit == 70
    for _ in range(3):
        gate.succeeded()
    assert gate.reading().limit == 71


def test_nobody_gets_in_while_the_server_wants_to_be_left_alone() -> None:
    gate, caller = Gate(2), Caller()
    times: list[float] = []

    def enter() -> None:
        with gate.slot(caller):
            times.append(time.monotonic())

    with ThreadPoolExecutor(6) as pool:
        with gate.slot(caller), gate.slot(caller):
            for _ in range(3):
                pool.submit(enter)  # these wait before the hold begins
            until(lambda: gate.reading().waiting == 3)
            gate.refused(0.3)
            held = time.monotonic()
        for _ in range(3):
            pool.submit(enter)  # and these come after it has begun
    assert len(times) == 6
    assert min(times) >= held + 0.3
    assert max(times) < held + 5


def test_a_longer_hold_is_not_cut_short_by_a_later_one() -> None:
    clock = Clock()
    gate = Gate(5, clock)
    gate.refused(60)
    gate.refused(1)
    clock.now += 59
    assert gate.reading().throttled


def test_a_waiting_caller_that_is_cancelled_leaves_the_queue_and_no_trace() -> None:
    gate, gone, stays = Gate(1), Caller(), Caller()
    entered = threading.Event()

    def enter(caller: Caller) -> None:
        with gate.slot(caller):
            entered.set()

    with ThreadPoolExecutor(6) as pool:
        with gate.slot(stays):
            waiters = [pool.submit(enter, gone) for _ in range(5)]
            until(lambda: gate.reading().waiting == 5)
            gone.cancel()
            gate.wake(gone)
            for waiter in waiters:
                with pytest.raises(CallerCancelled):
                    waiter.result(5)
            assert gate.reading().waiting == 0
        pool.submit(enter, stays).result(5)
    assert entered.is_set()
    assert gate.reading().in_flight == 0


@pytest.mark.parametrize(
    "scenario",
    [
        gate_scenarios.waiters_are_killed,
        gate_scenarios.waiters_are_killed_at_the_moment_of_their_turn,
        gate_scenarios.waiters_run_into_a_timeout,
        gate_scenarios.holders_are_killed,
        gate_scenarios.waiters_are_killed_during_a_hold,
    ],
)
def test_greenlets_that_are_killed_lose_no_slot(green: GreenProcess, scenario: Callable[[], dict[str, Any]]) -> None:
    found = green(scenario)
    assert found["in_flight"] == found["waiting"] == 0
    assert found["peak"] <= 2
    assert found["survivors"] == found["expected"]


def enter_all(gate: Gate, caller: Caller, names: list[str], order: list[str], pool: ThreadPoolExecutor) -> None:
    def enter(name: str) -> None:
        with gate.slot(caller):
            order.append(name)

    for name in names:
        before = gate.reading().waiting
        pool.submit(enter, name)
        until(lambda: gate.reading().waiting > before)  # noqa: B023


def test_what_a_person_waits_for_goes_first() -> None:
    gate, index, question = Gate(1), Caller(), Caller(urgent=True)
    order: list[str] = []
    with ThreadPoolExecutor(10) as pool, gate.slot(index):
        enter_all(gate, index, ["i1", "i2", "i3"], order, pool)
        enter_all(gate, question, ["q1", "q2"], order, pool)
    assert order[:2] == ["q1", "q2"]
    assert sorted(order) == ["i1", "i2", "i3", "q1", "q2"]


def test_while_a_question_is_answered_a_slot_stays_free_for_its_next_step_and_no_longer() -> None:
    clock = Clock()
    gate, index, question = Gate(10, clock), Caller(), Caller(urgent=True)
    with ThreadPoolExecutor(12) as pool:
        leave = threading.Event()

        def work() -> None:
            with gate.slot(index):
                leave.wait(10)

        with gate.slot(question):
            inside = [pool.submit(work) for _ in range(10)]
            until(lambda: gate.reading().waiting == 1)
            assert gate.reading().in_flight == 10, "nine of them and the question"
        assert gate.reading().in_flight == 9
        with gate.slot(question):
            pass  # at once
        clock.now += 6
        gate.succeeded()  # whoever comes next lets the last one in
        until(lambda: gate.reading().in_flight == 10)
        leave.set()
        for each in inside:
            each.result(5)


def test_many_steps_of_a_question_leave_the_index_its_share() -> None:
    gate, index, question = Gate(10), Caller(), Caller(urgent=True)
    leave = threading.Event()
    entered: list[str] = []

    def work(caller: Caller, name: str) -> None:
        with gate.slot(caller):
            entered.append(name)
            leave.wait(10)

    with ThreadPoolExecutor(40) as pool:
        with gate.slot(index):
            for _ in range(9):
                pool.submit(work, index, "index")
            until(lambda: len(entered) == 9)
            for _ in range(20):
                pool.submit(work, question, "question")
            pool.submit(work, index, "index")
            until(lambda: gate.reading().waiting == 21)
        leave.set()
    assert entered.count("index") == 10
    assert entered.count("question") == 20


def test_while_a_server_is_away_one_at_a_time_looks_for_it_with_pauses_that_grow() -> None:
    clock = Clock()
    gate, caller = Gate(50, clock), Caller()
    looks = []
    for _ in range(200):
        if gate.look_is_due() or gate.away_since() is None:
            looks.append(clock.now)
            gate.lost()
        clock.now += 0.25
    gaps = [later - earlier for earlier, later in pairwise(looks)]
    assert gaps[:5] == [0.25, 0.5, 1.0, 2.0, 4.0]
    assert set(gaps[5:]) == {5.0}
    reading = gate.reading()
    assert reading.state == "away"
    assert reading.throttled
    assert reading.away_seconds == 50.0
    clock.now += 5
    with ThreadPoolExecutor(3) as pool:
        with gate.slot(caller):
            waiting = [pool.submit(lambda: gate.slot(caller).__enter__()) for _ in range(2)]
            until(lambda: gate.reading().waiting == 2)
            gate.found()
            for each in waiting:
                each.result(5)
        assert gate.reading().state == "open"


def test_many_that_find_a_server_away_at_once_are_one_sign() -> None:
    clock = Clock()
    gate = Gate(50, clock)
    for _ in range(50):
        gate.lost()
    clock.now += 0.25
    assert gate.look_is_due()


def test_a_server_that_refused_everyone_before_it_went_away_is_not_thought_small() -> None:
    clock = Clock()
    gate = Gate(50, clock)
    for _ in range(5):  # no success in between
        gate.refused()
        clock.now += 1
    gate.lost()
    gate.found()
    gate.succeeded()
    assert gate.reading().limit == 50


def test_who_does_not_wait_for_a_server_is_told_that_it_is_away() -> None:
    gate, caller, impatient = Gate(5), Caller(), Caller(patience=0.1)
    gate.lost(30)
    with pytest.raises(ServerAway), gate.slot(caller, wait_for_server=False):
        pass
    started = time.monotonic()
    with pytest.raises(ServerAway), gate.slot(impatient):
        pass
    assert time.monotonic() - started >= 0.1
    assert gate.reading().waiting == 0


def test_a_bound_holds_the_limit_until_another_is_set() -> None:
    gate = Gate(50)
    gate.settle(20.5)
    for _ in range(1000):
        gate.succeeded()
    assert gate.reading().limit == 20
    assert gate.reading().state == "open"
    gate.settle(80)
    assert gate.reading().limit == 50


def test_a_bound_that_is_lifted_does_not_lift_what_the_server_refused() -> None:
    clock = Clock()
    gate = Gate(50, clock)
    gate.settle(40)
    gate.refused()
    gate.settle(50)
    assert gate.reading().limit == 28
