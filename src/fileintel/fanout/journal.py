"""Journals: they read and write for a fan-out what the database holds: answers, gaps, progress.

Each method is one short transaction that can be repeated: a database that is away is waited for (`Database.retrying`).
The greenlet that owns a run looks up and writes what is the run's; the answer writer keeps answers.
"""

import contextlib
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy.orm import Session

from fileintel.errors import FileIntelError, RunFailed
from fileintel.fanout.progress import Progress
from fileintel.fanout.stop_requests import StopRequests
from fileintel.identity import content_id
from fileintel.llm.client import Tally
from fileintel.llm.questions import Answered, ChatQuestion, Question
from fileintel.runtime import Stalls, hub_stalls
from fileintel.storage import answers as answer_store
from fileintel.storage import questions_in_flight, run_counts, run_events, runs, shared_questions
from fileintel.storage.answers import Freshness, StoredAnswer
from fileintel.storage.engine import Database
from fileintel.storage.models import utc_now
from fileintel.storage.run_counts import GapRecord
from fileintel.storage.runs import Lease

PROGRESS_SECONDS = 1.0  # how often counts are written while answers come in
NUL_IN_ANSWER = "answer with NUL characters, which were left out"

T = TypeVar("T")


@dataclass(frozen=True)
class LookUp:
    """The result of looking questions up: `stored` ones have an answer, `taken` ones are ours to ask. Another worker
    asks the rest, and will store the answers."""

    stored: dict[bytes, StoredAnswer]
    taken: set[bytes]


class Journal:
    """The answer store alone: for work outside of a run, such as a question to an index.

    Parameters:
      fresh: which stored answers are too old to be used.
      patience: seconds for which a database that is away is waited for; None: as long as the settings say.

    Raises, from every method: DatabaseUnavailable, when patience is over.
    """

    _keeps_alone = True  # no other table is written in the transaction that keeps an answer

    def __init__(self, database: Database, fresh: Freshness | None = None, patience: float | None = None) -> None:
        self._database = database
        self._fresh = fresh
        self._patience = patience
        self._asker = str(uuid4())
        self._began = utc_now()
        self._taken: set[bytes] = set()  # and not given back yet
        self.longest_unsaved = 0.0  # seconds that an answer was in memory only, before it was committed

    def find(self, keys: Collection[bytes]) -> dict[bytes, StoredAnswer]:
        """The stored answers among these keys."""
        return self._retrying(lambda session: answer_store.find(session, list(keys), self._fresh))

    def look_up(self, keys: Collection[bytes]) -> LookUp:
        """Find the stored answers among these keys, and take the questions that have none and are not asked yet."""
        # a question that was taken, and whose look-up fails then, is ours when that is repeated
        found = self._database.retrying(lambda session: self._look_up(session, keys), self._patience, alone=True)
        self._taken |= found.taken
        return found

    def collect(self, keys: Collection[bytes]) -> LookUp:
        """Look up questions that other workers have answered, or have given up, on our behalf."""
        return Journal.look_up(self, keys)

    def hand_over(self, keys: Collection[bytes], work: Callable[[Session], None]) -> None:
        """Leave these to another worker: run `work` in a transaction, which has to give the questions back."""
        self._retrying(work)
        self._taken.difference_update(keys)

    def keep(self, answers: Sequence[StoredAnswer], patience: float | None = None) -> None:
        """Store answers, and give their questions back."""
        patience = self._patience if patience is None else patience
        alone = self._keeps_alone and answer_store.fits_one_statement(answers)
        self._database.retrying(lambda session: self._keep(session, answers), patience, alone=alone)
        self._taken.difference_update(answer.key for answer in answers)

    def fail(self, keys: Sequence[bytes], gaps: Sequence[GapRecord]) -> None:
        """These questions have no answer: write that down, and let others ask them."""
        self._retrying(lambda session: self._fail(session, keys, gaps))
        self._taken.difference_update(keys)

    def note_gaps(self, gaps: Sequence[GapRecord]) -> None:
        """Write down items whose answers are used although they are less than whole."""

    def asked_since(self, stored: StoredAnswer) -> bool:
        """Whether a stored answer came in since this work began."""
        return stored.created_at is not None and stored.created_at >= self._began

    def delivered(self, question: Question, answered: Answered) -> None:
        """An answer is being handed out, new or stored."""

    def stay(self) -> None:
        """Say that what was taken is still being asked."""
        if self._taken:
            self._database.retrying(lambda session: questions_in_flight.renew(session, self._asker), patience=0)

    def leave(self) -> None:
        """Give back all that was taken."""
        if self._taken:
            self._database.retrying(lambda session: questions_in_flight.give_all_back(session, self._asker), patience=0)
            self._taken.clear()

    def tick(self) -> None:
        """Called often while a fan-out is at work."""

    def _look_up(self, session: Session, keys: Collection[bytes]) -> LookUp:
        taken = questions_in_flight.take(session, keys, self._asker, self._fresh)
        stored = answer_store.find(session, list(keys), self._fresh)
        if overtaken := taken & stored.keys():  # answered between the two statements
            questions_in_flight.give_back(session, sorted(overtaken), self._asker)
        return LookUp(stored, taken - stored.keys())

    def _keep(self, session: Session, answers: Sequence[StoredAnswer]) -> None:
        questions_in_flight.answered(session, answers, self._asker)

    def _fail(self, session: Session, keys: Sequence[bytes], gaps: Sequence[GapRecord]) -> None:
        del gaps  # outside of a run there is no repair
        questions_in_flight.give_back(session, keys, self._asker)

    def _retrying(self, work: Callable[[Session], T]) -> T:
        return self._database.retrying(work, self._patience)


class RunJournal(Journal):
    """The journal of a run: it writes under the run's lease, and keeps the run's gaps and progress.

    Raises, from every method that writes:
      LeaseLost: another worker holds the run now. Nothing was written but answers, which belong to no run.
      RunCancelled: a person asked for it.

    Parameters:
      stop_requests: those of the run; without them, the end of the process is not one.
      throttling: says why the model servers take less than they are given; None while they take all.

    Attributes:
      workers: how many workers ask for the run at this moment.
      stalls: how often and how long the hubs of earlier attempts' workers stood still.
    """

    def __init__(
        self,
        database: Database,
        lease: Lease,
        progress: Progress,
        tally: Tally,
        fresh: Freshness | None = None,
        on_progress: Callable[[], None] = lambda: None,
        patience: float | None = None,
        throttling: Callable[[], str | None] = lambda: None,
        stop_requests: StopRequests | None = None,
    ) -> None:
        super().__init__(database, fresh, patience)
        self._asker = _asker(lease.run_id, lease.token)
        self.lease = lease
        self.stop_requests = stop_requests or StopRequests(database, lease)
        self.workers = 1
        self.stalls = Stalls()
        self._stalls_at_first = hub_stalls().count
        self._throttling = throttling
        self._progress = progress
        self._tally = tally
        self._on_progress = on_progress
        self._cached = 0
        self._failed = 0
        self._written_at = float("-inf")

    @property
    def asker(self) -> str:
        """The name under which this attempt of the run asks, as rows of questions under way have it."""
        return self._asker

    @property
    def pausing(self) -> bool:
        """Whether a person wants a pause: what is under way is still to be kept, and nothing new to be sent."""
        return self.stop_requests.pausing

    def exchange(self, work: Callable[[Session], T], patience: float | None = None) -> T:
        """What `work` returns, done under the run's lease, in a transaction that may be repeated."""

        def fenced(session: Session) -> T:
            runs.require(session, self.lease)
            return work(session)

        return self._database.retrying(fenced, self._patience if patience is None else patience)

    def take_over(self) -> None:
        """Give back the questions of earlier attempts of the run, which ask no more."""
        earlier = [_asker(self.lease.run_id, token) for token in range(1, self.lease.token)]

        def work(session: Session) -> None:
            runs.renew(session, self.lease)
            self._began = runs.find(session, self.lease.run_id).created_at
            questions_in_flight.give_all_back(session, *earlier)
            shared_questions.clear(session, self.lease.run_id)

        self._retrying(work)

    def look_up(self, keys: Collection[bytes]) -> LookUp:
        found = super().look_up(keys)
        self._cached += len(found.stored)
        return found

    def fail(self, keys: Sequence[bytes], gaps: Sequence[GapRecord]) -> None:
        super().fail(keys, gaps)
        self._failed += len(gaps)

    def note_gaps(self, gaps: Sequence[GapRecord]) -> None:
        def work(session: Session) -> None:
            runs.renew(session, self.lease)
            run_counts.save_gaps(session, self.lease.run_id, gaps)

        self._retrying(work)

    def delivered(self, question: Question, answered: Answered) -> None:
        if isinstance(question, ChatQuestion) and question.holds_nul(answered.content or ""):
            self._progress.records_read(0, {}, {NUL_IN_ANSWER: 1})

    def tick(self) -> None:
        if time.monotonic() - self._written_at >= PROGRESS_SECONDS:
            self.write_progress()

    def write_progress(self) -> None:
        """Write the counts down, renew the lease, and look whether the run is to stop."""
        self._retrying(self.save_progress)
        self._written_at = time.monotonic()
        self._on_progress()

    def warn(self, stage: str, message: str) -> None:
        """Keep a warning that a person should see before the run is over."""
        self._retrying(lambda session: self._save_warning(session, {"stage": stage, "message": message}))

    def write_last_progress(self) -> None:
        """Write the counts down once more, if that can be done: whatever ended the work is what has to be told."""
        with contextlib.suppress(FileIntelError):
            self._database.retrying(self.save_progress, patience=0)
        self._on_progress()

    def save_progress(self, session: Session) -> None:
        """Write the counts down within a transaction of the caller."""
        self.stop_requests.look(session)
        runs.renew(session, self.lease, llm=self.llm_counts(), records=self._progress.records())
        run_counts.save_stages(session, self.lease.run_id, self._progress.counts())
        runs.show_throttling(session, self.lease, self._throttling())

    def llm_counts(self) -> dict[str, Any]:
        """Calls, tokens and the like, of all attempts of the run."""
        tally = self._tally
        return {
            "calls": tally.calls,
            "cached": self._cached,
            "failed": self._failed,
            "retries": tally.retries,
            "prompt_tokens": tally.prompt_tokens,
            "completion_tokens": tally.completion_tokens,
            "peak_in_flight": tally.peak_in_flight,
            "workers": self.workers,
            "longest_unsaved_ms": round(self.longest_unsaved * 1000),
            "hub_stalls": self.stalls.count + hub_stalls().count - self._stalls_at_first,
            "longest_stall_ms": round(max(self.stalls.longest, hub_stalls().longest) * 1000),
        }

    def _fail(self, session: Session, keys: Sequence[bytes], gaps: Sequence[GapRecord]) -> None:
        runs.renew(session, self.lease)  # first: a worker that was replaced writes nothing
        run_counts.save_gaps(session, self.lease.run_id, gaps)
        super()._fail(session, keys, gaps)

    def _save_warning(self, session: Session, data: dict[str, str]) -> None:
        runs.renew(session, self.lease)
        if data not in run_events.warnings(session, self.lease.run_id):  # an earlier attempt of the run may have told
            run_events.note(session, self.lease.run_id, "warning", data)

    def check_gaps(self, stage: str, allowed: float) -> None:
        """Look whether few enough items of a stage have failed.

        Raises:
          RunFailed: more than the share `allowed` (0 to 1) of them have; what the others brought is kept.
        """
        counts = next(counts for counts in self._progress.counts() if counts.name == stage)
        if counts.total and counts.failed / counts.total > allowed:
            raise RunFailed(
                f"stage {stage}: {counts.failed} of {counts.total} items failed, more than "
                f"graphrag.max_gap_share={allowed} allows; `fileintel tasks show {self.lease.run_id} --json` lists why"
            )


def _asker(run_id: str, token: int) -> str:
    """Name an attempt of a run as the one that asks; its successor can tell the name."""
    return content_id("asker", run_id, token)
