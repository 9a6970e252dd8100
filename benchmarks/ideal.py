"""The ideal schedule: how long a run would take if nothing but the answers took time.

A list scheduler without overhead: whenever a slot is free and a question is ready, one is started at once, the one
with the longest chain of questions behind it first (critical-path scheduling; Graham 1969, "Bounds on Multiprocessing
Timing Anomalies", shows that any such schedule is within a factor of 2 of the best one). Like any program it does not
know how long an answer will take; among equals it keeps the order given. With `foresight` it does know, which no
program can: that is what remains to be gained by guessing better.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CHAT = "chat"


@dataclass(frozen=True)
class Task:
    """One question: how long its answer takes in seconds, the places of those it waits for, whose slots it needs."""

    seconds: float
    needs: tuple[int, ...] = ()
    lane: str = CHAT


@dataclass(frozen=True)
class Schedule:
    """`makespan`: seconds from the first start to the last end. `starts`: of each task, in the order given."""

    makespan: float
    starts: list[float]


def schedule(tasks: Sequence[Task], slots: Mapping[str, int], *, foresight: bool = False) -> Schedule:
    """The list schedule of tasks on `slots` (how many run at once in each lane).

    Raises:
      ValueError: the tasks wait for each other in a circle.
    """
    dependants: list[list[int]] = [[] for _ in tasks]
    missing = [len(set(task.needs)) for task in tasks]
    for at, task in enumerate(tasks):
        for need in set(task.needs):
            dependants[need].append(at)
    weights = [task.seconds if foresight else 1.0 for task in tasks]
    chains = _chains(weights, dependants, missing)
    ready: dict[str, list[tuple[float, int]]] = {lane: [] for lane in slots}
    for at, task in enumerate(tasks):
        if not missing[at]:
            heapq.heappush(ready[task.lane], (-chains[at], at))
    free, running = dict(slots), list[tuple[float, int]]()
    starts, now = [0.0] * len(tasks), 0.0
    while True:
        for lane, queue in ready.items():
            while queue and free[lane]:
                _, at = heapq.heappop(queue)
                free[lane] -= 1
                starts[at] = now
                heapq.heappush(running, (now + tasks[at].seconds, at))
        if not running:
            return Schedule(now, starts)
        now = running[0][0]
        while running and running[0][0] <= now:
            _, at = heapq.heappop(running)
            free[tasks[at].lane] += 1
            for dependant in dependants[at]:
                missing[dependant] -= 1
                if not missing[dependant]:
                    heapq.heappush(ready[tasks[dependant].lane], (-chains[dependant], dependant))


def _chains(weights: Sequence[float], dependants: Sequence[Sequence[int]], missing: Sequence[int]) -> list[float]:
    """The weight of the longest chain that begins with each task."""
    left, order = list(missing), [at for at, count in enumerate(missing) if not count]
    for at in order:  # grows while it is walked through
        for dependant in dependants[at]:
            left[dependant] -= 1
            if not left[dependant]:
                order.append(dependant)
    if len(order) < len(weights):
        raise ValueError("the tasks wait for each other in a circle")
    chains = [0.0] * len(weights)
    for at in reversed(order):
        chains[at] = weights[at] + max((chains[dependant] for dependant in dependants[at]), default=0.0)
    return chains
