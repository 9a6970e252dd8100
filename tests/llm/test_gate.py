"""The gate: never too many, everyone in turn, nobody lost."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fileintel.llm.errand import CalledOff, Errand
from fileintel.llm.gate import Gate
from tests.green import GreenProcess
from tests.llm import gate_scenarios

steps = st.lists(
    st.tuples(
        st.integers(0, 3),  # the errand
        st.integers(0, 3),  # how long it works, in switches
        st.sampled_from(["", "", "", "succeeded", "refused", "fails"]),
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
    gate, errands = Gate(ceiling), [Errand() for _ in range(4)]
    inside, most, lock = 0, 0, threading.Lock()

    def work(errand: int, switches: int, event: str) -> None:
        nonlocal inside, most
        with gate.slot(errands[errand]):
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
            elif event == "fails":
                raise ValueError

    with ThreadPoolExecutor(len(schedule) or 1) as pool:
        done = [pool.submit(work, *step) for step in schedule]
    assert all(each.done() for each in done)
    reading = gate.reading()
    assert most <= reading.peak <= ceiling
    assert (reading.in_flight, reading.waiting) == (0, 0)


def test_a_task_with_one_question_does_not_wait_behind_fifty_of_another() -> None:
    gate, many, one = Gate(1), Errand(), Errand()
    order: list[str] = []

    def enter(errand: Errand, name: str) -> None:
        with gate.slot(errand):
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
    gate, errand = Gate(1), Errand()
    order: list[int] = []

    def enter(number: int) -> None:
        with gate.slot(errand):
            order.append(number)

    with ThreadPoolExecutor(10) as pool, gate.slot(errand):
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
    gate, errand = Gate(2), Errand()
    times: list[float] = []

    def enter() -> None:
        with gate.slot(errand):
            times.append(time.monotonic())

    with ThreadPoolExecutor(6) as pool:
        with gate.slot(errand), gate.slot(errand):
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


def test_a_waiter_that_is_called_off_leaves_the_queue_and_no_trace() -> None:
    gate, gone, stays = Gate(1), Errand(), Errand()
    entered = threading.Event()

    def enter(errand: Errand) -> None:
        with gate.slot(errand):
            entered.set()

    with ThreadPoolExecutor(6) as pool:
        with gate.slot(stays):
            waiters = [pool.submit(enter, gone) for _ in range(5)]
            until(lambda: gate.reading().waiting == 5)
            gone.call_off()
            gate.wake(gone)
            for waiter in waiters:
                with pytest.raises(CalledOff):
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
