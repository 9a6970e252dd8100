"""Counts what a run has asked of model servers so far."""

import threading


class Tally:
    """Calls, retries and tokens of a run. Shared by the greenlets of one fan-out."""

    def __init__(self, calls: int = 0, retries: int = 0, prompt_tokens: int = 0, completion_tokens: int = 0) -> None:
        self.calls = calls
        self.retries = retries
        self.prompt_tokens = prompt_tokens
        self.completion_tokens = completion_tokens
        self.in_flight = 0
        self.peak_in_flight = 0
        self._lock = threading.Lock()

    @property
    def tokens(self) -> int:
        """Return the tokens of all questions and answers, as the servers count them."""
        return self.prompt_tokens + self.completion_tokens

    def sent(self) -> None:
        """Count a request that is sent."""
        with self._lock:
            self.in_flight += 1
            self.peak_in_flight = max(self.peak_in_flight, self.in_flight)

    def returned(self) -> None:
        """Count a request that is over, answered or not."""
        with self._lock:
            self.in_flight -= 1

    def answered(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Count an answer and its tokens."""
        with self._lock:
            self.calls += 1
            self.prompt_tokens += prompt_tokens
            self.completion_tokens += completion_tokens

    def include(self, other: "Tally") -> None:
        """Add the counts of another tally, such as that of questions from before a run began."""
        with self._lock:
            self.calls += other.calls
            self.retries += other.retries
            self.prompt_tokens += other.prompt_tokens
            self.completion_tokens += other.completion_tokens
            self.peak_in_flight = max(self.peak_in_flight, other.peak_in_flight)

    def retried(self) -> None:
        """Count a question that has to be asked once more."""
        with self._lock:
            self.retries += 1
