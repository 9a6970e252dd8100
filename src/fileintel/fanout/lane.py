"""The requests of one kind on their way: not looked up yet, missing from the store, under way."""

import heapq
import itertools
import threading
from collections.abc import Iterator

from fileintel.fanout.request import Request
from fileintel.runtime import yield_to_hub

WINDOW = 256  # questions looked up in one query


class Lane:
    """Chat questions and embeddings have a lane each.

    Parameters:
      limit: calls under way at most. One whose answer is not stored yet is still under way: so a crash never costs
        more answers than that.
      reserve: requests that shall be ready to be sent, so that no slot waits for a look-up.

    Attributes:
      sources: what is to be looked up: priority, order of arrival, requests.
      in_flight: calls that were begun and whose answers have not been handed out.
    """

    def __init__(self, limit: int, reserve: int) -> None:
        self.limit = limit
        self.reserve = reserve
        self.sources: list[tuple[float, int, Iterator[Request] | Request]] = []
        self._streams = 0
        self.in_flight = 0
        self._missing: list[tuple[float, int, Request]] = []
        self._unstored = 0
        self._order = itertools.count()
        self._lock = threading.Lock()  # greenlets and threads of the pool take what is ready, too

    @property
    def idle(self) -> bool:
        """True when nothing is left here."""
        return not (self.sources or self._missing or self.in_flight)

    @property
    def room(self) -> int:
        """How many more calls can be under way."""
        return max(0, self.limit - self._unstored)

    @property
    def ready(self) -> int:
        """How many requests can be sent."""
        return len(self._missing)

    def add(self, priority: float, requests: Iterator[Request]) -> None:
        """Add requests that are to be looked up; their number is not known."""
        self._streams += 1
        heapq.heappush(self.sources, (priority, next(self._order), requests))

    def add_one(self, request: Request) -> None:
        """A request that is to be looked up."""
        heapq.heappush(self.sources, (request.priority, next(self._order), request))

    def at_hand(self) -> float:
        """Count the requests that are ready or to be looked up; infinite while the number is not known."""
        return float("inf") if self._streams else len(self.sources) + self.ready

    def make_ready(self, request: Request) -> None:
        """A request that is to be sent."""
        with self._lock:
            heapq.heappush(self._missing, (request.priority, next(self._order), request))

    def pull(self) -> list[Request]:
        """The next requests to be looked up, the most urgent first: a window of them when the reserve runs short (a
        small one when slots stand empty: looking up takes its time), else only those that are more urgent than all
        of the reserve."""
        scarce = self.ready < self.reserve
        window = WINDOW if self.ready or not self._has_room() else min(self.limit, WINDOW)
        with self._lock:
            most_urgent = self._missing[0][0] if self._missing else float("inf")
        pulled: list[Request] = []
        while self.sources and len(pulled) < window and (scarce or self.sources[0][0] < most_urgent):
            source = self.sources[0][2]
            request = source if isinstance(source, Request) else next(source, None)
            if request is source or request is None:
                heapq.heappop(self.sources)
                self._streams -= request is None
            if request is not None:
                assert request.question.key  # made and hashed here, where others run meanwhile
                pulled.append(request)
                yield_to_hub()
        return pulled

    def take(self) -> Request | None:
        """The most urgent request that is ready, to be sent now; None when there is none, or no room for it."""
        with self._lock:
            if not (self._missing and self._has_room()):
                return None
            self._begin()
            return heapq.heappop(self._missing)[2]

    def surrender(self, most: int) -> list[Request]:
        """The most urgent requests that are ready, for others to send."""
        with self._lock:
            return [heapq.heappop(self._missing)[2] for _ in range(min(most, len(self._missing)))]

    def take_batch(self, size: int, tokens: int) -> list[Request]:
        """The most urgent requests for one call of at most `size` texts with `tokens` together, if only one text; none
        when there is no room."""
        batch: list[Request] = []
        with self._lock:
            if not (self._missing and self._has_room()):
                return batch
            while self._missing and len(batch) < size:
                tokens -= getattr(self._missing[0][2].question, "tokens", 0)
                if batch and tokens < 0:
                    break
                batch.append(heapq.heappop(self._missing)[2])
            self._begin()
        return batch

    def stored(self) -> None:
        """The answer of a call is stored, or there is none."""
        with self._lock:
            self._unstored -= 1

    def handed_out(self) -> None:
        """The answer of a call has reached those who asked."""
        with self._lock:
            self.in_flight -= 1

    def _has_room(self) -> bool:
        return self._unstored < self.limit

    def _begin(self) -> None:
        self._unstored += 1
        self.in_flight += 1
