"""How many requests at once a server can use, seen from outside: by how long its answers take.

For each number of requests under way (in classes that double: 1, 2, 4, …) the time that a token takes is noted. By
Little's law the throughput with n under way is n divided by that time. Where a class brings hardly more than the one
below it, the server has reached its knee: what is sent beyond it only waits there. The evidence comes by itself, as
the first requests of a burst find the server empty and the last ones find its queue full. A server that computes
batches takes longer for each token too, but its throughput still grows, and then the limit is left alone.
"""

import math

ANSWERS_NEEDED = 8  # in a class, before it counts
SMOOTHING = 0.05  # weight of a new answer: the memory of a class is about twenty answers
WORTH_IT = 1.15  # a class that brings less than so many times the throughput of the one below is of no use
SHORTEST_ANSWER_TOKENS = 32  # the time of shorter ones is not that of their tokens
PROMPT_TOKENS_PER_TOKEN = 20.0  # that are read in the time in which one is written
FORGET_SECONDS = 120.0  # after which more is tried again: the server may have less to do for others by now


class Knee:
    """The knee of one server. Cheap: a few additions for each answer."""

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}  # for one token, by class
        self._answers: dict[int, int] = {}
        self._found_at = 0.0

    def note(self, in_flight: int, seconds: float, prompt_tokens: int, completion_tokens: int) -> None:
        """An answer took so long, with `in_flight` requests under way when it was sent, itself included."""
        if completion_tokens < SHORTEST_ANSWER_TOKENS or seconds <= 0:
            return
        step = in_flight.bit_length() - 1
        each = seconds / (completion_tokens + prompt_tokens / PROMPT_TOKENS_PER_TOKEN)
        known = self._seconds.get(step)
        self._seconds[step] = each if known is None else known + SMOOTHING * (each - known)
        self._answers[step] = self._answers.get(step, 0) + 1

    def bound(self, now: float) -> float:
        """The largest number of requests at once that was seen to be of use; infinite when nothing speaks against
        more. `now`: seconds, monotonic."""
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
        # throughput is their number over their time: twice as many, and how much longer for each?
        return 2.0 * self._seconds[step - 1] >= WORTH_IT * self._seconds[step]

    def _forget_above(self, step: int) -> None:
        self._found_at = 0.0
        for each in [known for known in self._seconds if known >= step]:
            del self._seconds[each], self._answers[each]
