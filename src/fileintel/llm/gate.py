"""The gate in front of a model server: how many requests of this process may be under way at once.

One gate for each endpoint, shared by all tasks of the process. Waiting tasks are served in turn, so that a
question does not wait behind the fifty requests that an index run has queued. The limit shrinks when the
server says that it is too much (429, 503) and grows back as in TCP congestion control (RFC 5681, section 3.1):
by one with each success up to the limit that last worked, beyond it by one for each full round.
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fileintel.llm.errand import CalledOff, Errand

SHRINK_FACTOR = 0.7
SHRINK_PAUSE_SECONDS = 1.0  # one burst of refusals is one signal, not fifty
MINIMUM_LIMIT = 1


@dataclass(frozen=True)
class GateReading:
    """What the gate looks like at one moment. `limit` is the current one, `ceiling` the configured one; `away` says
    that the server did not answer at all when it was last asked."""

    in_flight: int
    waiting: int
    limit: int
    ceiling: int
    peak: int
    throttled: bool
    away: bool = False


class _Turn:
    """A place in the queue."""

    def __init__(self) -> None:
        self.granted = False
        self._bell: threading.Event | None = None  # most turns are granted at once and need none

    def rearm(self) -> threading.Event:
        """The bell that will ring at the next change."""
        if self._bell is None:
            self._bell = threading.Event()
        self._bell.clear()
        return self._bell

    def wake(self) -> None:
        """Ring it."""
        if self._bell is not None:
            self._bell.set()


class Gate:
    """Lets at most `ceiling` requests through at once, fairly between errands.

    Parameters:
      ceiling: the configured limit; the current limit never exceeds it.
      clock: seconds, monotonic; given by tests.
    """

    def __init__(self, ceiling: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._ceiling = ceiling
        self._limit = float(ceiling)
        self._last_good = float(ceiling)  # the limit that worked, a bit below where refusals began
        self._has_worked = True  # at the present limit: refusals without a success tell nothing about it
        self._clock = clock
        self._lock = threading.Lock()
        self._queues: OrderedDict[Errand, deque[_Turn]] = OrderedDict()
        self._in_flight = 0
        self._peak = 0
        self._held_until = float("-inf")
        self._shrunk_at = float("-inf")
        self._away = False

    @contextmanager
    def slot(self, errand: Errand) -> Iterator[None]:
        """Hold one of the slots; waits for it.

        Raises:
          CalledOff: nobody wants the answer any more.
        """
        self._enter(errand)
        try:
            yield
        finally:
            self._leave()

    def wake(self, errand: Errand) -> None:
        """Let those who wait on this errand see that it was called off."""
        with self._lock:
            for turn in self._queues.get(errand, ()):
                turn.wake()

    def succeeded(self) -> None:
        """A request came back well: let the limit grow."""
        with self._lock:
            step = 1.0 if self._limit < self._last_good else 1.0 / self._limit
            self._limit = min(float(self._ceiling), self._limit + step)
            self._has_worked = True
            self._away = False
            self._admit()

    def unanswered(self) -> None:
        """The server could not be reached, for a display: nothing is held back for it."""
        self._away = True

    def refused(self, retry_after: float | None = None) -> None:
        """The server said that it is too much: shrink, and hold everyone for `retry_after` seconds."""
        with self._lock:
            now = self._clock()
            if now - self._shrunk_at >= SHRINK_PAUSE_SECONDS:
                self._limit = max(float(MINIMUM_LIMIT), self._limit * SHRINK_FACTOR)
                if self._has_worked:
                    self._last_good = self._limit
                self._has_worked = False
                self._shrunk_at = now
            if retry_after:
                self._held_until = max(self._held_until, now + retry_after)
                for queue in self._queues.values():  # they have to look at the clock now
                    for turn in queue:
                        turn.wake()

    def reading(self) -> GateReading:
        """The present state, for progress displays and metrics."""
        with self._lock:
            waiting = sum(map(len, self._queues.values()))
            limit = int(self._limit)
            throttled = limit < self._ceiling or self._hold_seconds() > 0 or self._away
            return GateReading(self._in_flight, waiting, limit, self._ceiling, self._peak, throttled, self._away)

    def _enter(self, errand: Errand) -> None:
        turn = _Turn()
        with self._lock:
            self._queues.setdefault(errand, deque()).append(turn)
            self._admit()
        try:
            self._wait(errand, turn)
        except BaseException:  # killed while waiting: the slot that may just have been given must not be lost
            self._give_up(errand, turn)
            raise

    def _wait(self, errand: Errand, turn: _Turn) -> None:
        while True:
            with self._lock:
                self._admit()  # a hold may be over: whoever notices first lets everyone in
                if turn.granted:
                    return
                bell, hold = turn.rearm(), self._hold_seconds()
            if errand.called_off:
                raise CalledOff
            bell.wait(hold or None)

    def _give_up(self, errand: Errand, turn: _Turn) -> None:
        with self._lock:
            if turn.granted:
                self._in_flight -= 1
                self._admit()
                return
            queue = self._queues[errand]
            queue.remove(turn)
            if not queue:
                del self._queues[errand]

    def _leave(self) -> None:
        with self._lock:
            self._in_flight -= 1
            self._admit()

    def _hold_seconds(self) -> float:
        return max(0.0, self._held_until - self._clock())

    def _admit(self) -> None:
        """Give free slots to waiting errands, one each in turn. The lock is held."""
        while self._queues and self._in_flight < int(self._limit) and not self._hold_seconds():
            errand, queue = self._queues.popitem(last=False)
            turn = queue.popleft()
            turn.granted = True
            turn.wake()
            self._in_flight += 1
            self._peak = max(self._peak, self._in_flight)
            if queue:
                self._queues[errand] = queue
