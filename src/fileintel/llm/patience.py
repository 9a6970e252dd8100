"""How long one question is tried: time limits of requests, numbers of retries, pauses between them."""

import random
from collections import Counter, deque
from dataclasses import dataclass

from fileintel.llm.faults import Fault

LONGEST_BACKOFF_SECONDS = 20.0
# A question that gets no turn while others do is given up after this many times the patience.
STARVING = 2.0
# A request that was cut has cost its whole time limit, so it is repeated less often than one that failed at once.
TIMEOUT_RETRIES = 2
# So many different questions that fail with no answer in between: then it is the server that is ill, not they.
FAILING_TOGETHER = 3

# A time limit is in proportion to what is asked for: the whole of it for FULL_ANSWER tokens (the default bound of an
# answer), never less than SMALLEST_SHARE, because even a short request waits its turn in a server's queue. A prompt
# is read in parallel: eight of its tokens take about as long as one of the answer, with much room to the safe side.
FULL_ANSWER_TOKENS = 4096
PROMPT_TOKENS_PER_ANSWER_TOKEN = 8
BYTES_PER_TOKEN = 4
SMALLEST_SHARE = 0.2
# A first attempt that takes so much longer than any of the last answers has got lost, and is cut and asked again; the
# next attempt gets the full time.
LOST = 5.0
LOST_AT_LEAST_SECONDS = 60.0
ANSWERS_TO_COMPARE = 100
ANSWERS_NEEDED = 30


@dataclass(frozen=True)
class Patience:
    """How long one question is tried.

    `timeout` bounds one request, `waiting` the time a server that is busy or away is waited for, `backoff` is the
    first pause before another attempt (all in seconds); `retries` bounds the other faults of one question.
    """

    timeout: float = 600.0
    waiting: float = 1800.0
    retries: int = 5
    backoff: float = 1.0

    def budget(self, reason: str) -> int:
        """Return how often a question is asked again after faults of this kind."""
        return min(self.retries, TIMEOUT_RETRIES) if reason == "timeout" else self.retries

    def pause(self, attempt: int, fault: Fault) -> float:
        """Return the seconds before the next attempt: growing, and drawn so that many do not come back at once."""
        if fault.retry_after is not None:
            # the gate holds all requests for the full time
            return min(fault.retry_after, LONGEST_BACKOFF_SECONDS) + random.uniform(0, self.backoff)
        longest: float = min(LONGEST_BACKOFF_SECONDS, self.backoff * 2 ** min(attempt - 1, 10))
        return random.uniform(longest / 2, longest)


class Trail:
    """The attempts at one question so far.

    Attributes:
      attempts: requests that were sent, or would have been if the server had been there.
      waiting_since: when the server began to be waited for, without a fault of another kind since.
    """

    def __init__(self) -> None:
        self.attempts = 0
        self.waiting_since: float | None = None
        self._retried: Counter[str] = Counter()

    def may_retry(self, fault: Fault, patience: Patience) -> bool:
        """Return whether a fault of this kind may be followed by another attempt; counts it."""
        if self._retried[fault.reason] >= patience.budget(fault.reason) or self._retried.total() >= patience.retries:
            return False
        self._retried[fault.reason] += 1
        self.waiting_since = None
        return True

    @property
    def was_cut(self) -> bool:
        """Whether an attempt has run into its time limit."""
        return self._retried["timeout"] > 0


class TimeLimits:
    """The time limits of the requests to one endpoint."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._latest: deque[float] = deque(maxlen=ANSWERS_TO_COMPARE)

    def seconds(self, prompt_bytes: int, answer_tokens: int | None, trail: Trail) -> float:
        """Return the limit for a request with a body of that size and at most so many tokens to be answered (None: no
        bound)."""
        limit = self._longest * _share(prompt_bytes, answer_tokens)
        if trail.was_cut or len(self._latest) < ANSWERS_NEEDED:
            return limit
        return min(limit, max(LOST_AT_LEAST_SECONDS, LOST * max(self._latest)))

    def took(self, seconds: float) -> None:
        """Note that a request was answered after so many seconds."""
        self._latest.append(seconds)


def _share(prompt_bytes: int, answer_tokens: int | None) -> float:
    if answer_tokens is None:
        return 1.0
    tokens = answer_tokens + prompt_bytes / BYTES_PER_TOKEN / PROMPT_TOKENS_PER_ANSWER_TOKEN
    return min(1.0, SMALLEST_SHARE + (1 - SMALLEST_SHARE) * tokens / FULL_ANSWER_TOKENS)
