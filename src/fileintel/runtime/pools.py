"""A bounded pool of greenlets in a green process, of threads in any other, behind one interface."""

import queue
import threading
from collections.abc import Callable
from typing import Any, Protocol

from fileintel.runtime.patching import is_green


class Pool(Protocol):
    """A bounded pool of greenlets or threads."""

    def spawn(self, task: Callable[..., object], *args: Any) -> object:
        """Start `task(*args)`; wait while the pool is full."""

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
    """Return a pool of `size` greenlets in a green process, of `size` threads in any other."""
    if is_green():
        from gevent.pool import Pool as GreenPool

        pool: Pool = GreenPool(size)
        return pool
    return ThreadPool(size)
