"""What a fan-out reads and writes in the database: stored answers, new answers, gaps, progress.

Only the greenlet that owns a run uses it. Each method is one or two short transactions that can be repeated: a
database that is being restarted is waited for.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from fileintel.errors import DatabaseUnavailable, RunCancelled
from fileintel.graphrag.progress import Progress
from fileintel.llm.client import Tally
from fileintel.storage import answers as answer_store
from fileintel.storage import runs
from fileintel.storage.answers import Freshness, StoredAnswer
from fileintel.storage.engine import Database
from fileintel.storage.runs import GapRecord, Lease
from fileintel.storage.states import RunState

PROGRESS_SECONDS = 1.0  # how often counts are written while answers come in
PATIENCE_SECONDS = 30.0  # a restart of PostgreSQL takes a few; longer than a lease would be of no use
PAUSE_SECONDS = 0.5  # between two attempts

T = TypeVar("T")


class Journal:
    """The answer store alone: for work outside of a run, such as a question to an index.

    Parameters:
      fresh: which stored answers are too old to be used.
      patience: seconds for which a database that does not answer is waited for.
    """

    def __init__(self, database: Database, fresh: Freshness | None = None, patience: float = PATIENCE_SECONDS) -> None:
        self._database = database
        self._fresh = fresh
        self._patience = patience

    def look_up(self, keys: Sequence[bytes]) -> dict[bytes, StoredAnswer]:
        """The stored answers among these keys."""
        return self._patiently(lambda session: answer_store.find(session, keys, self._fresh))

    def record(self, answers: Sequence[StoredAnswer], gaps: Sequence[GapRecord]) -> None:
        """Keep what arrived."""
        if answers:
            self._patiently(lambda session: answer_store.save(session, answers))

    def tick(self) -> None:
        """Called often while a fan-out is at work."""

    def _patiently(self, work: Callable[[Session], T]) -> T:
        """Run `work` in a transaction of its own, again while the database is away."""
        give_up = time.monotonic() + self._patience
        while True:
            try:
                with self._database.transaction() as session:
                    return work(session)
            except DatabaseUnavailable:
                if time.monotonic() >= give_up:
                    raise
                time.sleep(PAUSE_SECONDS)


class RunJournal(Journal):
    """The journal of a run: the same, under the run's lease, with its gaps and its progress.

    Raises, from every method that writes:
      LeaseLost: another worker holds the run now. Nothing was written but answers, which belong to nobody.
      RunCancelled: somebody asked for it.

    Parameters:
      throttling: says why the model servers take less than they are given; None while they take all.

    Attributes:
      pausing: somebody has asked for a pause: what is under way is still to be kept, and nothing new to be sent.
    """

    def __init__(
        self,
        database: Database,
        lease: Lease,
        progress: Progress,
        tally: Tally,
        fresh: Freshness | None = None,
        on_progress: Callable[[], None] = lambda: None,
        patience: float = PATIENCE_SECONDS,
        throttling: Callable[[], str | None] = lambda: None,
    ) -> None:
        super().__init__(database, fresh, patience)
        self.lease = lease
        self.pausing = False
        self._throttling = throttling
        self._progress = progress
        self._tally = tally
        self._on_progress = on_progress
        self._cached = 0
        self._failed = 0
        self._written_at = float("-inf")

    def look_up(self, keys: Sequence[bytes]) -> dict[bytes, StoredAnswer]:
        found = super().look_up(keys)
        self._cached += len(found)
        return found

    def record(self, answers: Sequence[StoredAnswer], gaps: Sequence[GapRecord]) -> None:
        # what was paid for is kept even by a worker that lost its lease; what is the run's is not
        super().record(answers, ())
        if gaps:
            self._failed += len(gaps)
            self._patiently(lambda session: self._save_gaps(session, gaps))

    def tick(self) -> None:
        if time.monotonic() - self._written_at >= PROGRESS_SECONDS:
            self.write_progress()

    def write_progress(self) -> None:
        """Write the counts down, renew the lease, and hear whether the run is to stop."""
        self._patiently(self._save_progress)
        self._written_at = time.monotonic()
        self._on_progress()

    def warn(self, stage: str, message: str) -> None:
        """Tell whoever looks at the run of something that they should know before it is over."""
        self._patiently(lambda session: self._save_warning(session, {"stage": stage, "message": message}))

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
        }

    def _save_gaps(self, session: Session, gaps: Sequence[GapRecord]) -> None:
        runs.renew(session, self.lease)
        runs.save_gaps(session, self.lease.run_id, gaps)

    def _save_warning(self, session: Session, data: dict[str, str]) -> None:
        runs.renew(session, self.lease)
        if data not in runs.warnings(session, self.lease.run_id):  # an earlier attempt of the run may have told
            runs.note(session, self.lease.run_id, "warning", data)

    def _save_progress(self, session: Session) -> None:
        self.heed(session)
        runs.renew(session, self.lease, llm=self.llm_counts(), records=self._progress.records())
        runs.save_stages(session, self.lease.run_id, self._progress.counts())
        runs.show_throttling(session, self.lease, self._throttling())

    def heed(self, session: Session) -> None:
        """Hear whether a person wants the run to stop; a wish to pause is noted."""
        requested = runs.requested_state(session, self.lease.run_id)
        if requested is RunState.CANCELLING:
            raise RunCancelled("the run was cancelled; its answers are kept")
        # once heard it stays so: the run may be resumed before everything under way has arrived
        self.pausing = self.pausing or requested is RunState.PAUSED
