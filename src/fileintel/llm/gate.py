"""The gate in front of a model server: how many requests of this process may be under way at once.

One gate for each endpoint, shared by all tasks of the process. Waiting tasks are served in turn, so that a
question does not wait behind the fifty requests that an index run has queued. The limit shrinks when the
server says that it is too much (429, 503) and grows back with each stretch of successes (additive increase,
multiplicative decrease, as in TCP congestion avoidance, RFC 5681).
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

SHRINK_FACTOR = 0.7
SHRINK_PAUSE_SECONDS = 1.0  # one burst of refusals is one signal, not fifty
MINIMUM_LIMIT = 1


@dataclass(frozen=True)
class GateReading:
    """What the gate looks like at one moment. `limit` is the current one, `ceiling` the configured one."""

    in_flight: int
    waiting: int
    limit: int
    ceiling: int
    peak: int
    throttled: bool


class Gate:
    """Lets at most `ceiling` requests through at once, fairly between tasks.

    Parameters:
      ceiling: the configured limit; the current limit never exceeds it.
      clock: seconds, monotonic; given by tests.
    """

    def __init__(self, ceiling: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._ceiling = ceiling
        self._limit = float(ceiling)
        self._clock = clock
        self._lock = threading.Lock()
        self._queues: OrderedDict[object, deque[threading.Event]] = OrderedDict()
        self._in_flight = 0
        self._peak = 0
        self._held_until = 0.0
        self._shrunk_at = float("-inf")

    @contextmanager
    def slot(self, task: object) -> Iterator[None]:
        """Hold one of the slots; waits for it. `task` names who asks, for taking turns."""
        self._enter(task)
        try:
            yield
        finally:
            self._leave()

    def succeeded(self) -> None:
        """A request came back well: let the limit grow by one for each full round."""
        with self._lock:
            self._limit = min(float(self._ceiling), self._limit + 1.0 / max(1.0, self._limit))
            self._admit()

    def refused(self, retry_after: float | None = None) -> None:
        """The server said that it is too much: shrink, and hold everyone for `retry_after` seconds."""
        with self._lock:
            now = self._clock()
            if now - self._shrunk_at >= SHRINK_PAUSE_SECONDS:
                self._limit = max(float(MINIMUM_LIMIT), self._limit * SHRINK_FACTOR)
                self._shrunk_at = now
            if retry_after:
                self._held_until = max(self._held_until, now + retry_after)

    def hold_seconds(self) -> float:
        """For how many more seconds the server has asked not to be asked."""
        return max(0.0, self._held_until - self._clock())

    def reading(self) -> GateReading:
        """The present state, for progress displays and metrics."""
        with self._lock:
            waiting = sum(map(len, self._queues.values()))
            limit = int(self._limit)
            throttled = limit < self._ceiling or self._clock() < self._held_until
            return GateReading(self._in_flight, waiting, limit, self._ceiling, self._peak, throttled)

    def _enter(self, task: object) -> None:
        with self._lock:
            if not self._queues and self._in_flight < int(self._limit):
                self._take()
                return
            turn = threading.Event()
            self._queues.setdefault(task, deque()).append(turn)
        try:
            turn.wait()
        except BaseException:  # killed while waiting: the slot that may just have been given must not be lost
            self._give_up(task, turn)
            raise

    def _give_up(self, task: object, turn: threading.Event) -> None:
        with self._lock:
            if turn.is_set():
                self._in_flight -= 1
                self._admit()
                return
            queue = self._queues.get(task)
            if queue is not None and turn in queue:
                queue.remove(turn)
                if not queue:
                    del self._queues[task]

    def _leave(self) -> None:
        with self._lock:
            self._in_flight -= 1
            self._admit()

    def _take(self) -> None:
        self._in_flight += 1
        self._peak = max(self._peak, self._in_flight)

    def _admit(self) -> None:
        """Give free slots to waiting tasks, one each in turn. The lock is held."""
        while self._queues and self._in_flight < int(self._limit):
            task, queue = self._queues.popitem(last=False)
            self._take()
            queue.popleft().set()
            if queue:
                self._queues[task] = queue
