"""The ideal schedule: what no program can beat without knowing more."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.ideal import CHAT, Task, schedule


@st.composite
def graphs(draw: st.DrawFn) -> list[Task]:
    """Tasks, each of which may need earlier ones."""
    count = draw(st.integers(1, 25))
    tasks = []
    for at in range(count):
        needs = draw(st.sets(st.integers(0, at - 1), max_size=3)) if at else set()
        tasks.append(Task(draw(st.floats(0.1, 10)), tuple(needs), draw(st.sampled_from([CHAT, "embed"]))))
    return tasks


@settings(max_examples=80, deadline=None)
@given(graphs(), st.integers(1, 4), st.integers(1, 2), st.booleans())
def test_a_schedule_keeps_the_rules_and_grahams_bound(
    tasks: list[Task], chat: int, embed: int, foresight: bool
) -> None:
    slots = {CHAT: chat, "embed": embed}
    found = schedule(tasks, slots, foresight=foresight)
    ends = [start + task.seconds for start, task in zip(found.starts, tasks, strict=True)]
    for start, task in zip(found.starts, tasks, strict=True):
        assert all(start >= ends[need] - 1e-9 for need in task.needs)
    for lane, limit in slots.items():
        spans = [(start, end) for start, end, task in zip(found.starts, ends, tasks, strict=True) if task.lane == lane]
        for at, _ in spans:
            assert sum(start <= at < end - 1e-9 for start, end in spans) <= limit
    assert found.makespan == pytest.approx(max(ends))
    chains: list[float] = []
    for task in tasks:
        chains.append(task.seconds + max((chains[need] for need in task.needs), default=0.0))
    work = {lane: sum(task.seconds for task in tasks if task.lane == lane) for lane in slots}
    assert found.makespan >= max(*chains, *(work[lane] / slots[lane] for lane in slots)) - 1e-9
    assert found.makespan <= max(chains) + sum(work[lane] / slots[lane] for lane in slots) + 1e-9


def test_the_longest_remaining_chain_goes_first() -> None:
    tasks = [Task(1.0), Task(1.0), Task(1.0), Task(1.0, (2,)), Task(1.0, (3,))]
    assert schedule(tasks, {CHAT: 2}).makespan == 3.0
    assert schedule(tasks, {CHAT: 2}).starts[2] == 0.0


def test_foresight_puts_the_longest_first() -> None:
    tasks = [Task(1.0), Task(1.0), Task(1.0), Task(3.0)]
    assert schedule(tasks, {CHAT: 2}).makespan == 4.0
    assert schedule(tasks, {CHAT: 2}, foresight=True).makespan == 3.0


def test_many_small_tasks_fill_all_slots() -> None:
    dice = random.Random(1)
    tasks = [Task(dice.uniform(0.5, 1.5)) for _ in range(2000)]
    assert schedule(tasks, {CHAT: 50}).makespan <= 1.05 * sum(task.seconds for task in tasks) / 50


def test_a_circle_is_an_error() -> None:
    with pytest.raises(ValueError, match="circle"):
        schedule([Task(1.0, (1,)), Task(1.0, (0,))], {CHAT: 1})
