"""The scribe: keeps answers as they arrive, so that none waits in memory while the owner of a run is busy."""

import contextlib
import queue
import threading
import time
from collections.abc import Sequence

from fileintel.errors import DatabaseUnavailable
from fileintel.graphrag.journal import Journal
from fileintel.graphrag.request import Arrival
from fileintel.llm.questions import Answered, Question
from fileintel.storage.answers import StoredAnswer
from fileintel.storage.in_flight import RENEW_SECONDS


class Scribe:
    """Takes arrivals from the pool and hands them to the owner once their answers are stored.

    It works in a greenlet (or thread) of its own. While a commit is under way others gather and make the next batch:
    an answer is in memory only for the time of two commits. A database that is away is waited for; then arrivals
    wait here, never more than may be under way.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._arrivals: queue.SimpleQueue[Arrival | None] = queue.SimpleQueue()
        self._kept: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        self._unkept: list[Arrival] = []  # the database stayed away
        self._thread: threading.Thread | None = None
        self._renewed_at = time.monotonic()

    def start(self) -> None:
        """Begin to work; harmless while it works."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="scribe", daemon=True)
            self._thread.start()

    def put(self, arrival: Arrival) -> None:
        """Something has arrived."""
        arrival.at = time.monotonic()
        self._arrivals.put(arrival)

    def get(self, timeout: float) -> list[Arrival]:
        """What has been dealt with, waiting for at least one for `timeout` seconds. What could not be stored carries
        the error."""
        arrivals = []
        with contextlib.suppress(queue.Empty):
            arrivals.append(self._kept.get(block=timeout > 0, timeout=timeout or None))
            while True:
                arrivals.append(self._kept.get_nowait())
        return arrivals

    def close(self) -> None:
        """Store what has arrived, if the database is there, and end."""
        if self._thread is None:
            return
        self._arrivals.put(None)
        self._thread.join()
        self._thread = None

    def _work(self) -> None:
        going_on = True
        while going_on:
            batch = self._next_batch()
            going_on = None not in batch
            self._deal_with([arrival for arrival in batch if arrival is not None])
            if time.monotonic() - self._renewed_at >= RENEW_SECONDS:
                self._renewed_at = time.monotonic()
                with contextlib.suppress(DatabaseUnavailable):
                    self._journal.stay()
        self._deal_with(())

    def _next_batch(self) -> list[Arrival | None]:
        batch: list[Arrival | None] = []
        with contextlib.suppress(queue.Empty):
            batch.append(self._arrivals.get(timeout=RENEW_SECONDS))
            while True:
                batch.append(self._arrivals.get_nowait())
        return batch

    def _deal_with(self, arrivals: Sequence[Arrival]) -> None:
        """Store the answers of these, and of those that could not be stored before. The first try waits as long as
        the journal's patience lasts, later ones do not."""
        waiting = [*self._unkept, *arrivals]
        answers = [answer for arrival in waiting for answer in _answers(arrival)]
        if answers:
            try:
                self._journal.keep(answers, patience=0 if self._unkept else None)
            except Exception as error:  # noqa: BLE001 -- whatever it is, the owner must hear of it
                self._unkept = waiting
                for arrival in arrivals:
                    arrival.error = arrival.error or error
            else:
                self._unkept = []
                longest = time.monotonic() - min(arrival.at for arrival in waiting)
                self._journal.longest_unsaved = max(self._journal.longest_unsaved, longest)
        for arrival in arrivals:
            self._kept.put(arrival)


def _answers(arrival: Arrival) -> list[StoredAnswer]:
    return [
        as_stored(request.question, outcome)
        for request, outcome in zip(arrival.requests, arrival.outcomes, strict=False)  # none after an error
        if isinstance(outcome, Answered) and request.keep
    ]


def as_stored(question: Question, answered: Answered) -> StoredAnswer:
    """An answer as the store keeps it."""
    return StoredAnswer(
        key=question.key,
        model=question.model,
        purpose=question.purpose,
        content=answered.content,
        vector=answered.vector,
        finish_reason=answered.finish_reason,
        prompt_tokens=answered.prompt_tokens,
        completion_tokens=answered.completion_tokens,
    )
