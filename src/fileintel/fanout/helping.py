"""Helping: a worker with free slots answers questions of a run that another worker holds.

It takes as many as it can begin at once and a few more, asks them through its own gate and fan-out, stores the answers
and marks them. It takes no part in what is made of them. It stops when the run does, and ends when nothing has come for
a while. What it costs when it is killed is what it had under way.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from sqlalchemy.orm import Session

from fileintel.errors import ConflictError
from fileintel.fanout.fanout import Fanout
from fileintel.fanout.journal import Journal
from fileintel.fanout.parsers import NamedParsers
from fileintel.fanout.request import Outcome, Request
from fileintel.llm.client import ModelClient, Tally
from fileintel.llm.questions import Answered, ChatQuestion
from fileintel.storage import answers as answer_store
from fileintel.storage import questions_in_flight, shared_questions
from fileintel.storage.answers import Freshness, StoredAnswer
from fileintel.storage.engine import Database
from fileintel.storage.run_counts import GapRecord
from fileintel.storage.runs import Lease
from fileintel.storage.shared_questions import COUNTS, Marked, Shared

REPORT_SECONDS = 1.0  # between two signs of life
LOOK_SECONDS = 0.1  # between two looks for questions when there were none
IDLE_SECONDS = 10.0  # without questions; then the run has to call again
SPARE_SHARE = 0.2  # of the slots: so many questions are at hand for the slots that fall free next


class HelperJournal(Journal):
    """The journal of a helper: the answer store, where shared questions are marked as well.

    Parameters:
      lease: that of the run's coordinator, which is not renewed here: with its successor the help ends.
      worker: this process, as an owner is named.

    Attributes:
      wanted: the run is at work, and this helper is known to it.
    """

    _keeps_alone = False  # the coordinator has to know

    def __init__(
        self, database: Database, lease: Lease, worker: str, tally: Tally, fresh: Freshness | None = None
    ) -> None:
        super().__init__(database, fresh)
        self._lease = lease
        self._worker = worker
        self._tally = tally
        self._reported = self._being_reported = dict.fromkeys(COUNTS, 0)
        self._reported_at = float("-inf")
        self.slots = 0
        self.wanted = False

    def enlist(self, slots: int) -> bool:
        """Offer help with so many slots; False when it is not wanted, or this process gives it already."""
        self.slots = slots
        self._reported_at = time.monotonic()
        self.wanted = self._retrying(
            lambda session: shared_questions.enlist(session, self._lease, self._worker, self._asker, slots)
        )
        return self.wanted

    def take(self, most: int) -> list[Shared]:
        """Up to `most` questions, to be asked now."""
        return self._retrying(lambda session: shared_questions.take(session, self._lease, self._asker, most))

    def mark(self, key: bytes) -> None:
        """Mark a question that was taken and that another worker has answered."""
        self._retrying(lambda session: shared_questions.mark(session, self._lease.run_id, self._asker, [key]))

    def tick(self) -> None:
        """Give a sign of life now and then, and learn whether the help is wanted."""
        if time.monotonic() - self._reported_at >= REPORT_SECONDS:
            self._reported_at = time.monotonic()
            at_work = self._retrying(
                lambda session: shared_questions.report(session, self._lease, self._asker, self.slots)
            )
            self.wanted = self.wanted and at_work  # once unwanted, for good: what was taken is given back

    def dismiss(self) -> None:
        """Ask no more: what was taken and is not answered is for others."""
        self.wanted = False
        self._retrying(self._dismiss)

    def _dismiss(self, session: Session) -> None:
        self._count(session)
        shared_questions.dismiss(session, self._lease.run_id, self._asker)

    def keep(self, answers: Sequence[StoredAnswer], patience: float | None = None) -> None:
        super().keep(answers, patience)
        self._reported = self._being_reported

    def _keep(self, session: Session, answers: Sequence[StoredAnswer]) -> None:
        keys = [answer.key for answer in answers]
        questions_in_flight.give_back(session, keys, self._asker)
        shared_questions.mark(session, self._lease.run_id, self._asker, keys)
        self._count(session)
        answer_store.save(session, answers)

    def _fail(self, session: Session, keys: Sequence[bytes], gaps: Sequence[GapRecord]) -> None:
        super()._fail(session, keys, gaps)
        for gap in sorted(gaps, key=lambda gap: gap.item):
            failed = Marked(bytes.fromhex(gap.item), gap.reason, gap.attempts, gap.last_error)
            shared_questions.mark_failed(session, self._lease.run_id, self._asker, failed)

    def _count(self, session: Session) -> None:
        """Tell what was spent since the last time that it was told."""
        self._being_reported = {name: int(getattr(self._tally, name)) for name in COUNTS}
        spent = {name: self._being_reported[name] - self._reported[name] for name in COUNTS}
        shared_questions.count(session, self._lease.run_id, self._asker, spent)


class Helper:
    """Answers questions of one run.

    Parameters:
      parsers: of the questions that workers of this version send.
      limit: questions under way at most.
      stopping: tells whether the process is to end.
    """

    def __init__(
        self,
        chat: ModelClient,
        journal: HelperJournal,
        tally: Tally,
        limit: int,
        *,
        parsers: NamedParsers,
        stopping: Callable[[], bool],
    ) -> None:
        self._chat = chat
        self._journal = journal
        self._limit = limit
        self._parsers = parsers
        self._stopping = stopping
        self._spare = max(1, int(limit * SPARE_SHARE))
        self._fanout = Fanout(chat, chat, journal, tally, limit=limit, stopping=self._over)
        self._fanout.chat.reserve = limit + self._spare + 1  # all that is taken is looked up at once

    def work(self) -> None:
        """Answer questions until none is left, or the run wants no help any more.

        Raises: as `Fanout.run`.
        """
        with self._fanout as fanout:
            idle_since = time.monotonic()
            while not self._over() and time.monotonic() - idle_since < IDLE_SECONDS:
                room = self._room()
                taken = self._journal.take(room) if room > 0 else []
                if taken:
                    fanout.add(self._requests(taken))
                if not fanout.idle:
                    idle_since = time.monotonic()
                self._ask_until(time.monotonic() + (0 if room and len(taken) == room else LOOK_SECONDS))
            fanout.run()  # what is under way

    def _over(self) -> bool:
        return self._stopping() or not self._journal.wanted

    def _ask_until(self, moment: float) -> None:
        """Let the fan-out work until then, and until there is room again."""
        if self._fanout.idle:
            time.sleep(LOOK_SECONDS)
            self._journal.tick()
        else:
            lane = self._fanout.chat  # what is in its sources is on its way, and not seen by `_room`
            self._fanout.run(until=lambda: not lane.sources and time.monotonic() >= moment and self._room() > 0)

    def _room(self) -> int:
        """How many questions can be begun now: slots that this worker needs for nothing else, and a few to spare."""
        gate = self._chat.gate.reading()
        lane = self._fanout.chat
        free = min(gate.limit - gate.in_flight - gate.waiting, lane.room)
        self._journal.slots = max(0, min(self._limit, free + self._limit - lane.room))
        return free - lane.ready + (self._spare if lane.room < self._limit else 0)

    def _requests(self, taken: Sequence[Shared]) -> list[Request]:
        return [
            Request("shared", one.key.hex(), self._question(one), self._marking(one.key), one.priority) for one in taken
        ]

    def _question(self, one: Shared) -> ChatQuestion:
        with suppress(KeyError):
            question = self._parsers.unpacked(one.body, one.parser)
            if question.key == one.key:
                return question
        raise ConflictError("another version of the program shares questions that this one does not know")

    def _marking(self, key: bytes) -> Callable[[Outcome], None]:
        def deliver(outcome: Outcome) -> None:
            if isinstance(outcome, Answered) and outcome.cached:  # what was asked here is marked where it is stored
                self._journal.mark(key)

        return deliver
