"""Greenlets or threads: the only part that knows how this process does many things at once.

The code above calls the same names in both kinds of process, and never asks which of them it runs in.

- `patching`: makes a process green, before anything else is imported; patching happens nowhere else.
- `time_slices`: lets other greenlets run from the middle of long computations.
- `pools`: a bounded pool of greenlets, or of threads.
- `hub_watcher`: measures how long the hub stands still, and which code kept it waiting.

A process that is meant to run greenlets calls `go_green()` first. The gevent worker is patched by Celery itself;
`go_green_database()` then adds psycogreen.
"""

from fileintel.runtime.hub_watcher import STALL_SECONDS, HubWatcher, Stalls, hub_stalls, watch_hub
from fileintel.runtime.patching import go_green, go_green_database, is_database_green, is_green
from fileintel.runtime.pools import Pool, ThreadPool, make_pool
from fileintel.runtime.time_slices import (
    TIME_SLICE_SECONDS,
    free_in_slices,
    has_arrived,
    in_native_thread,
    sorted_in_slices,
    yield_to_hub,
    yielding,
)

__all__ = [
    "STALL_SECONDS",
    "TIME_SLICE_SECONDS",
    "HubWatcher",
    "Pool",
    "Stalls",
    "ThreadPool",
    "free_in_slices",
    "go_green",
    "go_green_database",
    "has_arrived",
    "hub_stalls",
    "in_native_thread",
    "is_database_green",
    "is_green",
    "make_pool",
    "sorted_in_slices",
    "watch_hub",
    "yield_to_hub",
    "yielding",
]
