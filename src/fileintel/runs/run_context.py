"""Working on a run: taking it, keeping its lease and its counts, and ending it in the state that fits."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from fileintel.errors import RunFailed
from fileintel.fanout.fanout import Fanout
from fileintel.fanout.journal import RunJournal
from fileintel.fanout.progress import Progress
from fileintel.graphrag.pipeline import Paused, Stopped
from fileintel.llm.client import Tally
from fileintel.runs.index import Observer, View, tally_of
from fileintel.runs.lease import is_gone, this_process
from fileintel.runs.outcome import finish
from fileintel.runs.run_fanout import fanout_of_run
from fileintel.storage import run_counts, runs
from fileintel.storage.engine import Database
from fileintel.storage.models import Run
from fileintel.storage.runs import Lease
from fileintel.workspace import Workspace

if TYPE_CHECKING:
    from fileintel.llm.client import ModelClient


@dataclass(frozen=True)
class Held:
    """A run that this process holds; `run` as it was when it was taken."""

    run: Run
    lease: Lease


def take(workspace: Workspace, run_id: str) -> Held | None:
    """Take a run that is queued, or whose worker is gone; None when it is over or somebody alive works on it.

    Raises:
      NotFoundError: there is none.
    """
    with workspace.database.transaction() as session:
        run = runs.locked(session, run_id)
        lease = runs.acquire_locked(session, run, this_process(), owner_is_gone=is_gone(run.owner))
        if lease is None:
            return None
        if run.attempts > 1:
            run_counts.clear_gaps(session, run.id)
    return Held(run, lease)


@dataclass(frozen=True)
class Work:
    """A run with questions: what it counts, and the fan-out that asks for it."""

    run: Run
    lease: Lease
    database: Database
    progress: Progress
    journal: RunJournal
    tally: Tally
    fanout: Fanout

    def ask(self, until: Callable[[], bool] = lambda: False) -> None:
        """Let the fan-out work.

        Raises:
          Stopped, Paused: the process, or the run, is to stop.
          What `Fanout.run` raises.
        """
        if not self.fanout.run(until):
            raise Paused if self.journal.pausing else Stopped

    def check_gaps(self, stage: str, allowed: float) -> None:
        """Whether not too many items of a stage have failed.

        Raises:
          RunFailed: more than the share `allowed` of them; what the others brought is kept.
        """
        counts = next(counts for counts in self.progress.counts() if counts.name == stage)
        if counts.total and counts.failed / counts.total > allowed:
            raise RunFailed(
                f"stage {stage}: {counts.failed} of {counts.total} items failed, more than "
                f"graphrag.max_gap_share={allowed} allows; `fileintel tasks show {self.run.id} --json` lists why"
            )

    def is_over(self, more: Callable[[Session], bool], result: Callable[[Session], dict[str, Any]]) -> bool:
        """End the run with its result unless there is more to do.

        Whoever has more for a run of this kind holds the run's row while looking whether it is active. So the run
        either finds it here, or is over and another one is made.
        """
        self.journal.write_progress()
        with self.database.transaction() as session:
            runs.locked(session, self.lease.run_id)
            if more(session):
                return False
            finish(session, self.lease, result=result(session))
        return True


@contextmanager
def fanning_out(
    workspace: Workspace,
    held: Held,
    stages: Sequence[str],
    *,
    chat: "ModelClient | None" = None,
    embedder: "ModelClient | None" = None,
    stopping: Callable[[], bool] = lambda: False,
    observe: Observer = lambda _view: None,
) -> Iterator[Work]:
    """What a run with questions needs, closed at the end of the block. Of the two clients, a run that asks only one
    kind of question gives one: the other server may be away."""
    either = chat or embedder
    assert either is not None
    settings, database = workspace.settings, workspace.database
    progress = Progress(stages)
    tally = tally_of(held.run)

    def view() -> None:
        observe(View(progress.counts(), journal.llm_counts(), either.gate.reading()))

    journal = RunJournal(database, held.lease, progress, tally, on_progress=view)
    journal.take_over()
    with fanout_of_run(
        settings,
        chat or either,
        embedder or either,
        journal,
        tally,
        stopping=lambda: stopping() or journal.pausing,
    ) as fanout:
        try:
            yield Work(held.run, held.lease, database, progress, journal, tally, fanout)
        except BaseException:
            journal.write_last_progress()
            raise
