"""Threads behind the interface of a greenlet pool, and pauses that cost nothing where nobody waits."""

import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fileintel.runtime import (
    Stalls,
    ThreadPool,
    free_in_slices,
    hub_stalls,
    is_green,
    sorted_in_slices,
    time_slices,
    watch_hub,
    yield_to_hub,
)
from tests.fanout import hub_scenarios, scenarios
from tests.green import GreenProcess

HANGING = """
import threading
from fileintel.runtime import make_pool
started = threading.Event()
def hang():
    started.set()
    threading.Event().wait()
make_pool(3).spawn(hang)
started.wait()
"""


def test_a_full_pool_makes_the_next_one_wait() -> None:
    pool, go = ThreadPool(2), threading.Event()
    done: list[int] = []

    def work(number: int) -> None:
        go.wait(10)
        done.append(number)

    pool.spawn(work, 1)
    pool.spawn(work, 2)
    third = threading.Thread(target=pool.spawn, args=(work, 3))
    third.start()
    third.join(0.05)
    assert third.is_alive()
    go.set()
    third.join(10)
    pool.spawn(lambda: None)
    while len(done) < 3:
        time.sleep(0.001)
    assert sorted(done) == [1, 2, 3]
    pool.kill()


def test_threads_are_used_again_and_end_with_the_pool() -> None:
    before = threading.active_count()
    pool = ThreadPool(4)
    for _ in range(200):
        pool.spawn(lambda: None)
        assert threading.active_count() - before <= 4
    pool.kill()
    deadline = time.monotonic() + 10
    while threading.active_count() > before:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_task_that_raises_does_not_take_a_place_with_it(monkeypatch: Any) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    pool, done = ThreadPool(1), threading.Event()

    def fail() -> None:
        raise KeyError

    for _ in range(5):
        pool.spawn(fail)
    pool.spawn(done.set)
    assert done.wait(10)
    pool.kill()


def test_a_task_that_hangs_does_not_keep_the_process_from_ending() -> None:
    subprocess.run([sys.executable, "-c", HANGING], check=True, timeout=20)


def test_breathing_is_free_with_threads_and_rare_with_greenlets(green: GreenProcess) -> None:
    assert not is_green()
    started = time.monotonic()
    for _ in range(1000):
        yield_to_hub()
    assert time.monotonic() - started < 0.1
    found = green(scenarios.yielding)
    assert (found["green"], found["few"]) == (True, True)
    assert found["computing"] >= 4  # before the first breath the hub may have had its turn
    assert found["waiting"] == 0


def test_both_kinds_of_processes_are_what_they_should_be(perform: Callable[..., Any], green: GreenProcess) -> None:
    assert perform(is_green) == (perform is green)


def test_the_watcher_measures_how_long_the_hub_stands_still_and_names_the_culprit(green: GreenProcess) -> None:
    found = green(hub_scenarios.a_greenlet_computes_too_long)
    assert found["count"] >= 2
    assert 0.5 <= found["longest"] < 5
    assert found["culprit"].startswith("compute (hub_scenarios.py:")


def test_the_watcher_sees_a_call_that_blocks_without_computing(green: GreenProcess) -> None:
    found = green(hub_scenarios.a_greenlet_blocks_without_yielding)
    assert found["count"] >= 1
    assert "a_greenlet_blocks_without_yielding" in found["culprit"]


def test_a_hub_that_has_nothing_to_do_does_not_stand_still(green: GreenProcess) -> None:
    assert green(hub_scenarios.nobody_does_anything)["culprit"] == ""


def test_where_there_are_threads_there_is_no_hub_to_watch() -> None:
    watch_hub()
    assert hub_stalls() == Stalls()


class Link:
    """One that can be in a ring."""

    def __init__(self) -> None:
        self.next: Link | None = None


@given(items=st.lists(st.tuples(st.integers(0, 5), st.integers())))
def test_sorting_in_portions_gives_what_sorting_at_once_does(items: list[tuple[int, int]]) -> None:
    before, time_slices.SORTED_AT_ONCE = time_slices.SORTED_AT_ONCE, 3
    try:
        assert list(sorted_in_slices(items, lambda item: item[0])) == sorted(items, key=lambda item: item[0])
    finally:
        time_slices.SORTED_AT_ONCE = before


def test_what_is_let_go_is_empty_and_free() -> None:
    things = [Link() for _ in range(2_500)]
    last = weakref.ref(things[0])
    by_place = dict(enumerate(things))
    free_in_slices(things, by_place, [])
    assert (things, by_place, last()) == ([], {}, None)
