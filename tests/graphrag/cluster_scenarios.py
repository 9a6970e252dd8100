"""Clustering in a process of its own; run in a process with greenlets."""

import os
import time

import gevent

from fileintel.graphrag.stages import cluster_process
from fileintel.graphrag.stages.leiden import ClusterOptions, NumberedCommunity, NumberedGraph

from .calm_scenarios import turns_during


def turns_meanwhile() -> int:
    """How often another greenlet has its turn while a ring is clustered."""
    parts: list[NumberedCommunity] = []
    turns = turns_during(lambda: parts.extend(cluster_process.divided_aside(_ring(50), ClusterOptions(10, False, 1))))
    assert sorted(number for part in parts if not part.level for number in part.entities) == list(range(50))
    return turns


def is_left_behind(endless: list[str]) -> bool:
    """Whether the process, here the command `endless`, outlives the greenlet that waits for it."""
    cluster_process._COMMAND = endless
    waiting = gevent.spawn(lambda: list(cluster_process.divided_aside(_ring(5), ClusterOptions(10, False, 1))))
    while not (children := _children()):
        time.sleep(0.01)
    waiting.kill()
    return bool(children & _children())


def _children() -> set[int]:
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return set(map(int, file.read().split()))


def _ring(size: int) -> NumberedGraph:
    return NumberedGraph([f"N{n:02}" for n in range(size)], range(size), [*range(1, size), 0], [1.0] * size)
