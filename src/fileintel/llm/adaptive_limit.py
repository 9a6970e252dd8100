"""Finding out how many requests at once a server can use, and keeping the gate there.

What the server itself tells is best: requests that wait in its queue are of no use there, while in ours they can be
overtaken by urgent ones. Where it tells nothing, `knee` judges by how long answers take. The limit never goes above
the configured one, nor below a floor at which nearly every server gains from batching.
"""

import math
import threading
import time
from collections.abc import Callable

from fileintel.llm.gate import Gate
from fileintel.llm.knee import Knee
from fileintel.llm.server_metrics import Load

FLOOR = 8
POLL_SECONDS = 2.0
POLL_AGAIN_SECONDS = 60.0  # after the server could not be reached
JUDGE_SECONDS = 1.0
# A short queue in the server keeps it busy while we wake up: this share of what runs, and at least two.
QUEUE_SHARE = 0.1
QUEUE_AT_LEAST = 2.0
# A burst of long prompts waits while they are read, at any limit: only a queue that is still there at the third look
# says that there are too many.
LOOKS_NEEDED = 3
GROWTH = 1.25  # of the bound with each look that finds nothing waiting
SATURATED = 0.9  # of the bound: with fewer under way, an empty queue says nothing


class NoMetrics(Exception):
    """The server has no metrics that tell its load, and will have none the next time."""


class AdaptiveLimit:
    """Adjusts one gate.

    Parameters:
      read_load: asks the server; raises NoMetrics when it is of no use to ask again, returns None when it may be.
      clock: seconds, monotonic; given by tests.
    """

    def __init__(
        self, gate: Gate, read_load: Callable[[], Load | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._gate = gate
        self._read_load = read_load
        self._clock = clock
        self._knee = Knee()
        self._tells = True
        self._queued = 0  # looks in a row that found too many waiting
        self._next_look = clock() + POLL_SECONDS
        self._busy = threading.Lock()
        ceiling = gate.reading().ceiling
        self._ceiling = float(ceiling)
        self._floor = float(min(ceiling, FLOOR))
        self._bound = float(ceiling)

    def answered(self, in_flight: int, seconds: float, prompt_tokens: int, completion_tokens: int) -> None:
        """A request came back well."""
        self._knee.note(in_flight, seconds, prompt_tokens, completion_tokens)

    def look(self) -> None:
        """Look at the server now and then: to be called before a request, when there is no answer yet to be lost."""
        if self._clock() < self._next_look or not self._busy.acquire(blocking=False):
            return
        try:
            self._look()
        finally:
            self._busy.release()

    def _look(self) -> None:
        self._next_look = self._clock() + (POLL_SECONDS if self._tells else JUDGE_SECONDS)
        if not self._tells:
            self._settle(self._knee.bound(self._clock()))
            return
        try:
            load = self._read_load()
        except NoMetrics:
            self._tells = False
            return
        if load is None:
            self._next_look = self._clock() + POLL_AGAIN_SECONDS
        else:
            self._settle(self._wanted(load))

    def _wanted(self, load: Load) -> float:
        """The bound after a look at the server."""
        ours = self._gate.reading().in_flight
        allowed = max(QUEUE_AT_LEAST, QUEUE_SHARE * load.running)
        self._queued = self._queued + 1 if load.waiting > allowed else 0
        if self._queued >= LOOKS_NEEDED:
            # others may have filled the queue: we take back our share of what is too much
            share = min(1.0, ours / (load.running + load.waiting))
            return min(self._bound, ours - (load.waiting - allowed / 2) * share)
        if load.waiting == 0 and ours >= SATURATED * int(self._bound):
            return self._bound * GROWTH
        return self._bound

    def _settle(self, bound: float) -> None:
        bound = min(self._ceiling, max(self._floor, bound))
        if not math.isclose(bound, self._bound):
            self._bound = bound
            self._gate.settle(bound)
