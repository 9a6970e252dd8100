"""Green or threads: the only module that knows how this process does many things at once.

A process that is meant to run greenlets calls `go_green()` before anything else is imported. The gevent
worker is patched by Celery itself; `go_green_database()` then adds psycogreen. Everywhere else the same
names are backed by threads, so that the code above never asks which of the two it is.
"""

import atexit
import contextlib
import gc
import heapq
import itertools
import logging
import os
import queue
import select
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from types import FrameType
from typing import Any, NoReturn, Protocol, TypeVar

from fileintel.garbage_collection import THRESHOLDS

HUB_PAUSE_SECONDS = 0.0005  # sleep(0) does not let waiting greenlets run enough; half a millisecond does
TIME_SLICE_SECONDS = 0.01  # computing between two pauses: well below the 100 ms that count as a stall
FREED_AT_ONCE = 1_000  # members of a collection
ITEMS_BETWEEN_LOOKS = 64  # of a loop that does little with each, at the clock
SORTED_AT_ONCE = 5_000  # items; takes some thousandths of a second
STALL_SECONDS = 0.1  # the hub is to look after all greenlets at least this often
BEAT_SECONDS = 0.02  # between two signs of life of the hub; a stall is measured to this precision
FRAMES_SHOWN = 8  # of the stack of whoever kept the hub waiting

logger = logging.getLogger(__name__)
T = TypeVar("T")


def go_green() -> None:
    """Patch the standard library and psycopg2 for gevent. Call it before any other import."""
    # what modules are made of stays: with Python's own thresholds it is walked over again and again while they load
    gc.set_threshold(*THRESHOLDS)
    from gevent import monkey

    monkey.patch_all()
    go_green_database()


def end_process(code: int) -> NoReturn:
    """End a process in which everything is closed and printed, with what was registered for its end, and without
    taking its thousands of modules apart, which takes Python half a second."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    os._exit(code)


def is_green() -> bool:
    """True when sockets of this process yield to other greenlets."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("socket"))


def go_green_database() -> None:
    """Make psycopg2 yield while it waits, in a patched process; does nothing in any other."""
    if is_green():
        from psycogreen.gevent import patch_psycopg

        patch_psycopg()


def is_database_green() -> bool:
    """True when psycopg2 yields while it waits."""
    from psycopg2 import extensions

    return extensions.get_wait_callback() is not None


def in_native_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Call `function(*arguments)` where it does not keep the hub waiting: in a native thread, while other greenlets
    go on. It must not touch what yields (sockets, locks). Where there are threads, it is simply called."""
    if not is_green():
        return function(*arguments)
    from gevent import get_hub

    result: T = get_hub().threadpool.apply(function, arguments)
    return result


@cache
def _plain_poll() -> Callable[[], Any]:
    """The operating system's poll; the patched one would let other greenlets run."""
    if not is_green():
        return select.poll
    from gevent import monkey

    poll: Callable[[], Any] = monkey.get_original("select", "poll")
    return poll


def has_arrived(descriptor: int) -> bool:
    """Whether something has come in on a socket that nobody is reading: data, or that the other side has closed it.
    Waits for nothing, and lets nobody else run."""
    poll = _plain_poll()()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def free_in_slices(*collections: dict[Any, Any] | list[Any]) -> None:
    """Empty large collections piece by piece: to free a million objects at once takes tenths of a second."""
    for collection in collections:
        while collection:
            if isinstance(collection, dict):
                for _ in range(min(FREED_AT_ONCE, len(collection))):
                    collection.popitem()
            else:
                del collection[-FREED_AT_ONCE:]
            yield_to_hub()


_last_pause = 0.0
_last_round = 0.0  # of the hub


def yield_to_hub() -> None:
    """Let other greenlets run, from the middle of long computations.

    To be called often: it pauses once in a time slice only, and never where there are threads. Nor does it where the
    hub has had its turn since the last look, because somebody had to wait for something else: a question that waits
    for the database a dozen times would otherwise pause three times for nothing, a millisecond each.
    """
    global _last_pause, _last_round
    if is_green() and time.monotonic() - _last_pause > TIME_SLICE_SECONDS:
        if _round_of_hub() == _last_round:
            time.sleep(HUB_PAUSE_SECONDS)
        _last_pause, _last_round = time.monotonic(), _round_of_hub()


def _round_of_hub() -> float:
    """When the hub last looked which greenlets can go on, by its own clock."""
    from gevent import get_hub

    return float(get_hub().loop.now())


def yielding(items: Iterable[T]) -> Iterator[T]:
    """The same items; other greenlets run now and then between two of them."""
    for count, item in enumerate(items):
        if not count % ITEMS_BETWEEN_LOOKS:
            yield_to_hub()
        yield item


def sorted_in_slices(items: Iterable[T], key: Callable[[T], Any]) -> Iterator[T]:
    """The items as `sorted` has them; many are sorted in portions, between which other greenlets run."""
    rest = iter(items)
    portions = []
    while portion := list(itertools.islice(rest, SORTED_AT_ONCE)):
        portions.append(sorted(portion, key=key))
        yield_to_hub()
    return yielding(heapq.merge(*portions, key=key) if len(portions) > 1 else itertools.chain(*portions))


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


@dataclass(frozen=True)
class Stalls:
    """How long the hub stood still because one greenlet computed without a pause, or waited without yielding.

    `longest` in seconds, over all time; `count` of those above STALL_SECONDS; `culprit`: the stack of the longest of
    them, innermost call first, in one line.
    """

    longest: float = 0.0
    count: int = 0
    culprit: str = ""


class HubWatcher:
    """Measures how long the hub stands still, and logs who kept it waiting.

    A timer of the hub gives a sign of life every BEAT_SECONDS; a native thread, which runs also while the hub does
    not, looks at it as often and takes the stack of the greenlet that is running when the sign is overdue. Both
    together take a few thousandths of a core. A process that did not get the CPU is not a stall: then the stack is
    the hub's own.
    """

    def __init__(self, threshold: float = STALL_SECONDS) -> None:
        from gevent import get_hub, monkey

        self._threshold = threshold
        self._thread_id = monkey.get_original("_thread", "get_ident")()
        self._sleep = monkey.get_original("time", "sleep")
        self._timer = get_hub().loop.timer(BEAT_SECONDS, BEAT_SECONDS, ref=False)
        self._stalls = Stalls()
        self._beat = time.monotonic()
        self._seen: tuple[float, str] | None = None  # the beat that is overdue, and the stack meanwhile
        self._running = True
        self._timer.start(self._alive)
        monkey.get_original("_thread", "start_new_thread")(self._watch, ())

    def stop(self) -> None:
        """Watch no longer."""
        self._running = False
        self._timer.stop()
        self._timer.close()

    def stalls(self) -> Stalls:
        """What was seen until now."""
        return self._stalls

    def _alive(self) -> None:
        """In the hub, by its timer."""
        now = time.monotonic()
        seconds, seen = now - self._beat - BEAT_SECONDS, self._seen
        overdue = seen is not None and seen[0] == self._beat
        self._beat, self._seen = now, None
        if overdue and seen is not None and seen[1]:
            self._note(seconds, seen[1])

    def _note(self, seconds: float, culprit: str) -> None:
        before = self._stalls
        longest = seconds > before.longest
        counts = seconds >= self._threshold
        self._stalls = Stalls(
            seconds if longest else before.longest, before.count + counts, culprit if longest else before.culprit
        )
        if counts:
            logger.warning("the hub stood still for %.0f ms, in %s", seconds * 1000, culprit)

    def _watch(self) -> None:
        """In a thread of its own."""
        while self._running:
            self._sleep(BEAT_SECONDS)
            beat = self._beat
            if time.monotonic() - beat > 2.5 * BEAT_SECONDS and self._seen is None:
                frame = sys._current_frames().get(self._thread_id)
                self._seen = (beat, _running_stack(frame))


def _running_stack(frame: FrameType | None) -> str:
    """The stack of a greenlet, innermost call first; empty when it is the hub that runs."""
    shown: list[str] = []
    for each, line in traceback.walk_stack(frame) if frame is not None else ():
        path = each.f_code.co_filename
        if path.endswith("gevent/hub.py"):
            return ""
        if len(shown) < FRAMES_SHOWN:
            shown.append(f"{each.f_code.co_name} ({path.rpartition('/')[2]}:{line})")
    return " < ".join(shown)


_watcher: HubWatcher | None = None


def watch_hub() -> None:
    """Watch the hub of this process from now on; does nothing where there are no greenlets, or the second time."""
    global _watcher
    if is_green() and _watcher is None:
        _watcher = HubWatcher()


def hub_stalls() -> Stalls:
    """What was seen since `watch_hub`; nothing where the hub is not watched."""
    return Stalls() if _watcher is None else _watcher.stalls()
