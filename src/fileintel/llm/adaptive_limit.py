"""Finds out how many requests at once a server can use, and keeps its gate there.

What the server itself tells is best: requests that wait in its queue are of no use there, while in ours they can be
overtaken by urgent ones. Where it tells nothing, the limit is found from outside, by how long its answers take
(`Knee`). The limit never goes above the configured one, nor below a floor at which nearly every server gains from
batching.
"""

import math
import threading
import time
from collections.abc import Callable

from fileintel.llm.gate import Gate
from fileintel.llm.server_metrics import Load

FLOOR = 8  # requests at once
POLL_SECONDS = 2.0  # between two looks at the server's metrics
POLL_AGAIN_SECONDS = 60.0  # before the next look at metrics that could not be read
JUDGE_SECONDS = 1.0  # between two looks at the times of the answers
# A short queue in the server keeps it busy while the next requests are on their way: this share of the requests that
# it computes, and at least two.
QUEUE_SHARE = 0.1
QUEUE_AT_LEAST = 2.0
# A burst of long prompts waits while they are read, at any limit: only a queue that is still there at the third look
# says that there are too many.
LOOKS_NEEDED = 3
GROWTH = 1.25  # the bound grows by this factor with each look that finds nothing waiting
SATURATED = 0.9  # share of the bound; with fewer requests in flight, an empty queue says nothing

ANSWERS_NEEDED = 8  # answers of a class before its time counts
SMOOTHING = 0.05  # weight of a new answer: the memory of a class is about twenty answers
WORTH_IT = 1.15  # a class is of use if it brings at least this many times the throughput of the one below
SHORTEST_ANSWER_TOKENS = 32  # the time of a shorter answer is not that of its tokens
PROMPT_TOKENS_PER_TOKEN = 20.0  # prompt tokens that are read in the time in which one token is written
FORGET_SECONDS = 120.0  # after which more is tried again: the server may have less to do for others by then


class NoMetrics(Exception):
    """The server has no metrics that tell its load, and will have none the next time."""


class AdaptiveLimit:
    """Adjusts one gate to what its server can use.

    Parameters:
      read_load: reads the server's load; raises NoMetrics when it never tells it, returns None when it does not now.
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
        """Note a request that was answered; parameters as of `Knee.note`."""
        self._knee.note(in_flight, seconds, prompt_tokens, completion_tokens)

    def look(self) -> None:
        """Adjust the gate if that is due. Called before a request, when no answer can be lost yet."""
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
        """Return the bound that the server's load asks for."""
        ours = self._gate.reading().in_flight
        allowed = max(QUEUE_AT_LEAST, QUEUE_SHARE * load.running)
        self._queued = self._queued + 1 if load.waiting > allowed else 0
        if self._queued >= LOOKS_NEEDED:
            # other clients may have filled the queue too: take back only our share of what is too much
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


class Knee:
    """Finds the largest useful number of requests at once by how long the server's answers take.

    For each number of requests in flight (in classes that double: 1, 2, 4, …) the time that a token takes is noted. By
    Little's law the throughput with n in flight is n divided by that time. Where a class brings hardly more than the
    one below it, the server has reached the knee of its curve: what is sent beyond it only waits there. The first
    requests of a burst find the server empty and the last ones find its queue full, so the evidence comes by itself.
    A server that computes batches takes longer for each token too, but its throughput still grows, and then the limit
    is left alone. An answer costs a few additions.
    """

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}  # for one token, by class
        self._answers: dict[int, int] = {}
        self._found_at = 0.0

    def note(self, in_flight: int, seconds: float, prompt_tokens: int, completion_tokens: int) -> None:
        """Note an answer that took `seconds`, with `in_flight` requests at the time it was sent, itself included."""
        if completion_tokens < SHORTEST_ANSWER_TOKENS or seconds <= 0:
            return
        step = in_flight.bit_length() - 1
        each = seconds / (completion_tokens + prompt_tokens / PROMPT_TOKENS_PER_TOKEN)
        known = self._seconds.get(step)
        self._seconds[step] = each if known is None else known + SMOOTHING * (each - known)
        self._answers[step] = self._answers.get(step, 0) + 1

    def bound(self, now: float) -> float:
        """Return the largest number of requests at once that was seen to be of use; infinite when nothing speaks
        against more. `now`: seconds, monotonic."""
        for step in sorted(self._seconds):
            if step and not self._pays(step):
                self._found_at = self._found_at or now
                if now - self._found_at > FORGET_SECONDS:
                    self._forget_above(step)
                    return math.inf
                return float(2**step)
        self._found_at = 0.0
        return math.inf

    def _pays(self, step: int) -> bool:
        if any(self._answers.get(each, 0) < ANSWERS_NEEDED for each in (step, step - 1)):
            return True
        # throughput is number over time: twice as many requests, and how much longer for each?
        return 2.0 * self._seconds[step - 1] >= WORTH_IT * self._seconds[step]

    def _forget_above(self, step: int) -> None:
        self._found_at = 0.0
        for each in [known for known in self._seconds if known >= step]:
            del self._seconds[each], self._answers[each]
