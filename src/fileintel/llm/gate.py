"""The gate in front of a model server: how many requests of this process may be in flight at once.

There is one gate for each endpoint, shared by all runs of the process. Waiting callers are served in turn, so that one
does not wait behind the fifty requests that another has queued; urgent ones (a person waits for them) go first. The
limit shrinks when the server refuses for load (429, 503) and grows back as in TCP congestion control (RFC 5681, section
3.1): by one with each success up to the limit that last worked, beyond it by one for each full round. It stays below
the bound that `settle` sets, which is as much as the server was found to be able to use.

When the server does not answer at all, one at a time goes through, to see whether it is back; all others wait here,
and go on at once when it is.
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from fileintel.llm.caller import Caller, CallerCancelled

SHRINK_FACTOR = 0.7
SHRINK_PAUSE_SECONDS = 1.0  # one burst of refusals is one signal, not fifty
MINIMUM_LIMIT = 1
SHORTEST_LOOK_SECONDS = 0.25  # between two looks whether a server is back; doubled with each
LONGEST_LOOK_SECONDS = 5.0  # what a restart costs beyond its own time, at most
# While a person's question is being answered, this share of the slots is kept free for its next step, and the same
# share stays with the others however many steps it has.
RESERVED_SHARE = 0.1
RESERVED_FOR_SECONDS = 5.0  # after the last step that was seen

State = Literal["open", "throttled", "away"]


class ServerAway(Exception):
    """The server does not answer, and the caller does not wait for it."""


@dataclass(frozen=True)
class GateReading:
    """What the gate looks like at one moment. `limit` is the current one, `ceiling` the configured one.

    `away_seconds`: how long the server has not answered; None while it does. `throttled`: it refuses what it was found
    to be able to use, or does not answer.
    """

    in_flight: int
    waiting: int
    limit: int
    ceiling: int
    peak: int
    throttled: bool
    away_seconds: float | None = None

    @property
    def state(self) -> State:
        """ "away" while the server does not answer, "throttled" while it wants less, else "open"."""
        if self.away_seconds is not None:
            return "away"
        return "throttled" if self.throttled else "open"


class _Turn:
    """A place in the queue."""

    def __init__(self) -> None:
        self.granted = False
        self._bell: threading.Event | None = None  # most turns are granted at once and need none

    def rearm(self) -> threading.Event:
        """Return the bell that will ring at the next change."""
        if self._bell is None:
            self._bell = threading.Event()
        self._bell.clear()
        return self._bell

    def wake(self) -> None:
        """Ring the bell."""
        if self._bell is not None:
            self._bell.set()


class _Queues:
    """The turns that wait, by caller: one for each caller in each round."""

    def __init__(self) -> None:
        self._queues: OrderedDict[Caller, deque[_Turn]] = OrderedDict()
        self.in_flight = 0

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def __bool__(self) -> bool:
        return bool(self._queues)

    def turns(self, caller: Caller | None = None) -> Iterator[_Turn]:
        """Yield the turns of one caller, or all."""
        for queue in self._queues.values() if caller is None else (self._queues.get(caller, ()),):
            yield from queue

    def join(self, caller: Caller, turn: _Turn) -> None:
        self._queues.setdefault(caller, deque()).append(turn)

    def abandon(self, caller: Caller, turn: _Turn) -> None:
        queue = self._queues[caller]
        queue.remove(turn)
        if not queue:
            del self._queues[caller]

    def grant(self) -> None:
        """Grant the next turn."""
        caller, queue = self._queues.popitem(last=False)
        turn = queue.popleft()
        turn.granted = True
        turn.wake()
        self.in_flight += 1
        if queue:
            self._queues[caller] = queue


class Gate:
    """Lets at most `ceiling` requests through at once, fairly between callers.

    Parameters:
      ceiling: the configured limit; the current limit never exceeds it.
      clock: seconds, monotonic; given by tests.
    """

    def __init__(self, ceiling: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._ceiling = ceiling
        self._bound = float(ceiling)  # what the server can use, as far as is known
        self._limit = float(ceiling)
        self._last_good = float(ceiling)  # the limit that worked, a bit below where refusals began
        self._before = float(ceiling)  # the limit before the last shrinking
        self._has_worked = True  # at the present limit: refusals without a success tell nothing about it
        self._clock = clock
        self._lock = threading.Lock()
        self._ordinary, self._urgent = _Queues(), _Queues()
        self._urgent_until = float("-inf")
        self._peak = 0
        self._held_until = float("-inf")
        self._shrunk_at = float("-inf")
        self._away_since: float | None = None
        self._looks = 0

    @contextmanager
    def slot(self, caller: Caller, *, wait_for_server: bool = True) -> Iterator[None]:
        """Hold one of the slots; wait for it.

        Raises:
          CallerCancelled: the caller was cancelled while it waited.
          ServerAway: the server is away, and is not to be waited for, or not for longer than it was.
        """
        self._enter(caller, wait_for_server)
        try:
            yield
        finally:
            self._leave(caller)

    def wake(self, caller: Caller) -> None:
        """Let the turns of this caller see that it was cancelled."""
        with self._lock:
            for turn in self._queues_of(caller).turns(caller):
                turn.wake()

    def succeeded(self) -> None:
        """Let the limit grow after a request that was answered."""
        with self._lock:
            self._end_absence()
            self._looks = 0
            if self._limit < self._bound:
                step = 1.0 if self._limit < self._last_good else 1.0 / self._limit
                self._limit = min(self._bound, self._limit + step)
            self._has_worked = True
            self._admit()

    def refused(self, retry_after: float | None = None) -> None:
        """Shrink the limit after a refusal for load, and let no request in for `retry_after` seconds."""
        with self._lock:
            now = self._clock()
            if now - self._shrunk_at >= SHRINK_PAUSE_SECONDS:
                if self._has_worked:
                    self._before = self._limit
                self._limit = max(float(MINIMUM_LIMIT), self._limit * SHRINK_FACTOR)
                if self._has_worked:
                    self._last_good = self._limit
                self._has_worked = False
                self._shrunk_at = now
            if retry_after:
                self._hold(now + retry_after)

    def lost(self, retry_after: float | None = None) -> None:
        """Note that the server does not answer, for a reason that lies with it.

        From now on one request goes through at a time, with pauses that grow, until one succeeds.
        """
        with self._lock:
            now = self._clock()
            if self._away_since is None:
                self._away_since = now
            if not self._has_worked:  # that it refused was its way of going: it says nothing about how much is too much
                self._limit = self._last_good = min(self._before, self._bound)
                self._has_worked = True
            if now >= self._held_until:
                pause = min(LONGEST_LOOK_SECONDS, SHORTEST_LOOK_SECONDS * 2.0 ** min(self._looks, 10))
                self._looks += 1
                self._hold(now + (retry_after or pause))

    def found(self) -> None:
        """Note that the server seems to be back, and let all requests go on.

        Should it be lost again before a request succeeds, the pauses go on growing.
        """
        with self._lock:
            self._end_absence()
            self._admit()

    def settle(self, bound: float) -> None:
        """Keep the limit at or below `bound` until told otherwise: more is of no use to the server."""
        with self._lock:
            held_by_bound = self._limit >= self._bound  # and not by a refusal
            self._bound = min(float(self._ceiling), max(float(MINIMUM_LIMIT), bound))
            if held_by_bound or self._limit > self._bound:
                self._limit = self._bound
            self._admit()

    def away_since(self) -> float | None:
        """Return since when the server has not answered, by the gate's clock; None while it does."""
        return self._away_since

    def look_is_due(self) -> bool:
        """Return whether the server is away and it is time to look whether it is back."""
        return self._away_since is not None and not self.in_flight and not self._hold_seconds()

    @property
    def in_flight(self) -> int:
        """Return how many requests hold a slot."""
        return self._ordinary.in_flight + self._urgent.in_flight

    def is_held(self) -> bool:
        """Return whether no request is let in for a while, because the server said so or is away."""
        with self._lock:
            return self._hold_seconds() > 0

    def load(self) -> float:
        """Return the requests that hold a slot or wait, and one more, as a share of the limit."""
        return (self.in_flight + len(self._ordinary) + len(self._urgent) + 1) / max(1.0, self._limit)

    def reading(self) -> GateReading:
        """Return the present state, for progress displays and metrics."""
        with self._lock:
            limit = int(self._limit)
            away = None if self._away_since is None else self._clock() - self._away_since
            # the bound is no refusal: more would not be answered any faster
            throttled = limit < int(self._bound) or self._hold_seconds() > 0 or away is not None
            waiting = len(self._ordinary) + len(self._urgent)
            return GateReading(self.in_flight, waiting, limit, self._ceiling, self._peak, throttled, away)

    def _queues_of(self, caller: Caller) -> _Queues:
        return self._urgent if caller.urgent else self._ordinary

    def _enter(self, caller: Caller, wait_for_server: bool) -> None:
        turn = _Turn()
        with self._lock:
            self._queues_of(caller).join(caller, turn)
            self._admit()
        try:
            self._wait(caller, turn, wait_for_server)
        except BaseException:  # killed while waiting: the slot that may just have been given must not be lost
            self._give_up(caller, turn)
            raise

    def _wait(self, caller: Caller, turn: _Turn, wait_for_server: bool) -> None:
        came = self._clock()
        while True:
            with self._lock:
                self._admit()  # a hold may be over: the first turn that notices lets the others in
                if turn.granted:
                    return
                bell, pause = turn.rearm(), self._hold_seconds() or self._reserved_seconds()
                away = self._away_since is not None
            if caller.cancelled:
                raise CallerCancelled
            if away and not wait_for_server:
                raise ServerAway
            if away and caller.patience is not None:
                left = came + caller.patience - self._clock()
                if left <= 0:
                    raise ServerAway
                pause = min(pause or left, left)
            bell.wait(pause or None)

    def _give_up(self, caller: Caller, turn: _Turn) -> None:
        with self._lock:
            if turn.granted:
                self._queues_of(caller).in_flight -= 1
                self._admit()
            else:
                self._queues_of(caller).abandon(caller, turn)

    def _leave(self, caller: Caller) -> None:
        with self._lock:
            self._queues_of(caller).in_flight -= 1
            self._admit()

    def _end_absence(self) -> None:
        if self._away_since is not None:
            self._away_since, self._held_until = None, float("-inf")

    def _hold(self, until: float) -> None:
        """Let no request in before then. The lock must be held."""
        self._held_until = max(self._held_until, until)
        for queues in (self._urgent, self._ordinary):
            for turn in queues.turns():  # they have to look at the clock now
                turn.wake()

    def _hold_seconds(self) -> float:
        return max(0.0, self._held_until - self._clock())

    def _reserved_seconds(self) -> float:
        return max(0.0, self._urgent_until - self._clock())

    def _admit(self) -> None:
        """Give free slots away: to urgent callers first, among equals one each in turn. The lock must be held."""
        if self._hold_seconds():
            return
        limit = MINIMUM_LIMIT if self._away_since is not None else int(self._limit)
        reserved = min(limit - 1, max(1, int(limit * RESERVED_SHARE)))
        if self._urgent or self._urgent.in_flight:
            self._urgent_until = self._clock() + RESERVED_FOR_SECONDS
        while self._urgent and self.in_flight < limit:
            if self._ordinary and self._urgent.in_flight >= limit - reserved:
                break  # the others keep their share
            self._urgent.grant()
        for_ordinary = limit - reserved if self._reserved_seconds() else limit
        while self._ordinary and self.in_flight < limit and self._ordinary.in_flight < for_ordinary:
            self._ordinary.grant()
        self._peak = max(self._peak, self.in_flight)
