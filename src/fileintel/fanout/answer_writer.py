"""The answer writer: keeps answers as they arrive, so that none waits in memory while the owner of a run is busy."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence

from fileintel.errors import DatabaseUnavailable
from fileintel.fanout.journal import Journal
from fileintel.fanout.request import Arrival
from fileintel.llm.questions import Answered, Question
from fileintel.storage.answers import StoredAnswer
from fileintel.storage.questions_in_flight import RENEW_SECONDS


class AnswerWriter:
    """Takes arrivals from the pool, hands them to the owner and stores their answers, both at once.

    It works in a greenlet (or thread) of its own. While a commit is under way others gather and make the next batch:
    an answer is in memory only for the time of two commits. A database that is away is waited for; then arrivals
    wait here, of each lane no more than it allows to be unstored.

    Parameters:
      stored: told of each arrival that nothing is left to do for.
    """

    def __init__(self, journal: Journal, stored: Callable[[Arrival], None]) -> None:
        self._journal = journal
        self._stored = stored
        self._to_keep: queue.SimpleQueue[Arrival | None] = queue.SimpleQueue()
        self._to_hand_out: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        self._dealt_with: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        self._both = threading.Lock()  # one order in both queues
        self._open = 0  # arrivals that were handed out, and are not known to be dealt with
        self._unkept: list[Arrival] = []  # the database stayed away
        self._thread: threading.Thread | None = None
        self._renewed_at = time.monotonic()
        self._trouble: BaseException | None = None

    def start(self) -> None:
        """Begin to work; harmless while it works."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="answer_writer", daemon=True)
            self._thread.start()

    def put(self, arrival: Arrival) -> None:
        """Something has arrived."""
        arrival.at = time.monotonic()
        with self._both:
            self._to_keep.put(arrival)
            self._to_hand_out.put(arrival)

    def get(self, timeout: float) -> list[Arrival]:
        """What has come, waiting for at least one for `timeout` seconds.

        Raises:
          What the journal raises, when earlier ones cannot be stored.
        """
        if self._trouble is not None:
            raise self._trouble
        with contextlib.suppress(queue.Empty):
            while self._open:
                self._close_one(block=False)
        arrivals = []
        with contextlib.suppress(queue.Empty):
            arrivals.append(self._to_hand_out.get(block=timeout > 0, timeout=timeout or None))
            while True:
                arrivals.append(self._to_hand_out.get_nowait())
        self._open += len(arrivals)
        return arrivals

    def settle(self) -> None:
        """Wait until all that `get` returned is stored.

        Raises:
          What the journal raises, when it cannot be stored.
        """
        while self._open:
            self._close_one(block=True)

    def _close_one(self, *, block: bool) -> None:
        arrival = self._dealt_with.get(block=block)
        self._open -= 1
        if arrival.unkept is not None:
            raise arrival.unkept

    def close(self) -> None:
        """Store what has arrived, if the database is there, and end."""
        if self._thread is None:
            return
        self._to_keep.put(None)
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
                self._stay()
        self._deal_with(())

    def _stay(self) -> None:
        try:
            self._journal.stay()
        except DatabaseUnavailable:
            pass  # there is time for another try before what was taken expires
        except BaseException as error:  # noqa: BLE001 -- as in `_deal_with`
            self._trouble = error

    def _next_batch(self) -> list[Arrival | None]:
        batch: list[Arrival | None] = []
        with contextlib.suppress(queue.Empty):
            batch.append(self._to_keep.get(timeout=RENEW_SECONDS))
            while True:
                batch.append(self._to_keep.get_nowait())
        return batch

    def _deal_with(self, arrivals: Sequence[Arrival]) -> None:
        """Store the answers of these, and of those that could not be stored before. The first try waits as long as
        the journal's patience lasts, later ones do not."""
        waiting = [*self._unkept, *arrivals]
        answers = [answer for arrival in waiting for answer in _answers(arrival)]
        if answers:
            try:
                self._journal.keep(answers, patience=0 if self._unkept else None)
            except BaseException as error:  # noqa: BLE001 -- the owner waits, and must get every error
                self._unkept = waiting
                for arrival in arrivals:
                    arrival.unkept = error
            else:
                self._unkept = []
                longest = time.monotonic() - min(arrival.at for arrival in waiting)
                self._journal.longest_unsaved = max(self._journal.longest_unsaved, longest)
        for arrival in waiting if not self._unkept else ():
            try:
                self._stored(arrival)
            except BaseException as error:  # noqa: BLE001 -- as above; and the others must go on being stored
                arrival.unkept = error
        for arrival in arrivals:
            self._dealt_with.put(arrival)


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
        flaw=answered.flaw,
    )
