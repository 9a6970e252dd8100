"""Green or threads: the only module that knows how this process does many things at once.

A process that is meant to run greenlets calls `go_green()` before anything else is imported. The gevent
worker is patched by Celery itself; `go_green_database()` then adds psycogreen. Everywhere else the same
names are backed by threads, so that the code above never asks which of the two it is.
"""

import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

HUB_PAUSE_SECONDS = 0.0005  # sleep(0) does not let waiting greenlets run enough; half a millisecond does
TIME_SLICE_SECONDS = 0.01  # computing between two pauses: well below the 100 ms that count as a stall


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


_last_pause = 0.0


def breathe() -> None:
    """Let other greenlets run, from the middle of long computations.

    To be called often: it pauses once in a time slice only, and never where there are threads.
    """
    global _last_pause
    if is_green() and time.monotonic() - _last_pause > TIME_SLICE_SECONDS:
        time.sleep(HUB_PAUSE_SECONDS)
        _last_pause = time.monotonic()


class Pool(Protocol):
    """A bounded pool of greenlets or threads."""

    def spawn(self, task: Callable[..., object], *args: Any) -> object:
        """Start `task(*args)`; waits while the pool is full."""

    def kill(self) -> None:
        """Stop what runs, as far as the kind of pool can: greenlets at once, threads when they return."""


class ThreadPool:
    """The pool of a process that is not patched: real threads behind the same interface.

    Not `concurrent.futures`: the interpreter waits for the threads of that one when it ends, and a request that
    hangs would keep the process alive until its timeout. These are daemons.
    """

    def __init__(self, size: int) -> None:
        self._free = threading.Semaphore(size)
        self._lock = threading.Lock()
        self._work: queue.SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]] | None] = queue.SimpleQueue()
        self._threads = 0
        self._busy = 0

    def spawn(self, task: Callable[..., object], *args: Any) -> object:
        self._free.acquire()
        with self._lock:
            self._busy += 1
            thread_is_missing = self._busy > self._threads
            self._threads += thread_is_missing
        self._work.put((task, args))
        if thread_is_missing:
            threading.Thread(target=self._serve, name="fanout", daemon=True).start()
        return None

    def kill(self) -> None:
        with self._lock:
            while not self._work.empty():
                self._work.get_nowait()
            for _ in range(self._threads):
                self._work.put(None)

    def _serve(self) -> None:
        try:
            while (work := self._work.get()) is not None:
                task, arguments = work
                try:
                    task(*arguments)
                finally:
                    del work, task, arguments  # an idle thread must not keep them in memory
                    with self._lock:
                        self._busy -= 1
                    self._free.release()
        finally:
            with self._lock:
                self._threads -= 1


def make_pool(size: int) -> Pool:
    """A pool of `size` greenlets where greenlets run, of `size` threads elsewhere."""
    if is_green():
        from gevent.pool import Pool as GreenPool

        pool: Pool = GreenPool(size)
        return pool
    return ThreadPool(size)
