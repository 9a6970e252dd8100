"""Green or threads: the only module that knows how this process does many things at once.

A process that is meant to run greenlets calls `go_green()` before anything else is imported. The gevent
worker is patched by Celery itself; `go_green_database()` then adds psycogreen. Everywhere else the same
names are backed by threads, so that the code above never asks which of the two it is.
"""

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

HUB_PAUSE_SECONDS = 0.0005  # sleep(0) does not let waiting greenlets run enough; half a millisecond does


def go_green() -> None:
    """Patch the standard library and psycopg2 for gevent. Call it before any other import."""
    from gevent import monkey

    monkey.patch_all()
    go_green_database()


def is_green() -> bool:
    """True when sockets of this process yield to other greenlets."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("socket"))


def go_green_database() -> None:
    """Make psycopg2 yield while it waits, in a patched process; does nothing in any other."""
    if is_green():
        from psycogreen.gevent import patch_psycopg

        patch_psycopg()


def breathe() -> None:
    """Let other greenlets run, from the middle of long computations. Costs nothing with threads."""
    if is_green():
        time.sleep(HUB_PAUSE_SECONDS)


class Pool(Protocol):
    """A bounded pool of greenlets or threads."""

    def spawn(self, task: Callable[..., object], *args: Any) -> object:
        """Start `task(*args)`; waits while the pool is full."""

    def kill(self) -> None:
        """Stop what runs, as far as the kind of pool can: greenlets at once, threads when they return."""


class ThreadPool:
    """The pool of a process that is not patched: real threads behind the same interface."""

    def __init__(self, size: int) -> None:
        self._executor = ThreadPoolExecutor(size, thread_name_prefix="fanout")

    def spawn(self, task: Callable[..., object], *args: Any) -> object:
        return self._executor.submit(task, *args)

    def kill(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)


def make_pool(size: int) -> Pool:
    """A pool of `size` greenlets where greenlets run, of `size` threads elsewhere."""
    if is_green():
        from gevent.pool import Pool as GreenPool

        pool: Pool = GreenPool(size)
        return pool
    return ThreadPool(size)
