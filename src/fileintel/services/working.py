"""Working on a run: taking it, keeping its lease and its counts, and ending it in the state that fits."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from fileintel.errors import FileIntelError, LeaseLost, RunCancelled, RunFailed
from fileintel.graphrag.fanout import Fanout
from fileintel.graphrag.journal import RunJournal
from fileintel.graphrag.lease import LeaseKeeper, is_gone, this_process
from fileintel.graphrag.pipeline import Stopped
from fileintel.graphrag.progress import Progress
from fileintel.llm.client import Tally
from fileintel.services.indexing import Observer, View
from fileintel.services.workspace import Workspace
from fileintel.storage import runs
from fileintel.storage.engine import Database
from fileintel.storage.models import Run
from fileintel.storage.runs import Lease
from fileintel.storage.states import RunState

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
        run = runs.find(session, run_id)
        lease = runs.acquire(session, run_id, this_process(), owner_is_gone=is_gone(run.owner))
        if lease is None:
            return None
        runs.clear_gaps(session, run_id)
    return Held(run, lease)


@contextmanager
def ending(database: Database, lease: Lease) -> Iterator[None]:
    """Let the run end as the block does where that is not well: cancelled, failed with its reason, or, where the
    process is to stop, handed back. A block that ends well has to `finish` the run."""
    try:
        yield
    except (Stopped, KeyboardInterrupt, SystemExit):
        _end(database, lease, None)
        raise
    except LeaseLost:
        raise
    except RunCancelled as error:
        _end(database, lease, RunState.CANCELLED, str(error))
        raise
    except FileIntelError as error:
        reason = {"code": error.code, "http_status": error.http_status}
        _end(database, lease, RunState.FAILED, str(error), result=reason)
        raise
    except Exception as error:
        _end(database, lease, RunState.FAILED, f"unexpected {type(error).__name__}: {error}")
        raise


def finish(session: Session, lease: Lease) -> None:
    """End a run that has done its work: with gaps if it has any, and cancelled if that was asked for meanwhile."""
    if runs.requested_state(session, lease.run_id) is RunState.CANCELLING:
        state = RunState.CANCELLED
    elif runs.gaps(session, lease.run_id):
        state = RunState.SUCCEEDED_WITH_GAPS
    else:
        state = RunState.SUCCEEDED
    runs.finish(session, lease, state)


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
          Stopped: the process is to stop.
          What `Fanout.run` raises.
        """
        if not self.fanout.run(until):
            raise Stopped

    def check_gaps(self, stage: str, allowed: float) -> None:
        """Whether not too many items of a stage have failed.

        Raises:
          RunFailed: more than the share `allowed` of them; what the others brought is kept.
        """
        counts = next(counts for counts in self.progress.counts() if counts.name == stage)
        if counts.total and counts.failed / counts.total > allowed:
            raise RunFailed(
                f"stage {stage}: {counts.failed} of {counts.total} items failed, more than "
                f"graphrag.max_gap_share={allowed} allows; `fileintel tasks show {self.run.id}` lists why"
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
            runs.renew(session, self.lease, result=result(session))
            finish(session, self.lease)
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
    tally = _tally_of(held.run)

    def view() -> None:
        observe(View(progress.counts(), journal.llm_counts(), either.gate.reading()))

    journal = RunJournal(database, held.lease, progress, tally, on_progress=view)
    with (
        LeaseKeeper(database, held.lease),
        Fanout(
            chat or either,
            embedder or either,
            journal,
            tally,
            limit=settings.graphrag.concurrency,
            embedding_limit=settings.embedding.concurrency,
            batch_size=settings.embedding.batch_size,
            batch_tokens=settings.embedding.batch_tokens,
            stopping=stopping,
        ) as fanout,
    ):
        try:
            yield Work(held.run, held.lease, database, progress, journal, tally, fanout)
        except BaseException:
            with suppress(FileIntelError):  # what went wrong is what has to be told
                journal.write_progress()
            raise


def _tally_of(run: Run) -> Tally:
    """The counts of earlier attempts, to be counted on."""
    kept = ("calls", "retries", "prompt_tokens", "completion_tokens")
    tally = Tally(**{name: int(run.llm.get(name, 0)) for name in kept})
    tally.peak_in_flight = int(run.llm.get("peak_in_flight", 0))
    return tally


def _end(
    database: Database,
    lease: Lease,
    state: RunState | None,
    error: str | None = None,
    result: dict[str, Any] | None = None,
) -> None:
    """Write how a run ended, if that can still be written: it must not hide why it ended."""
    with suppress(FileIntelError), database.transaction() as session:
        if state is None:
            runs.hand_back(session, lease)
            return
        if runs.requested_state(session, lease.run_id) is RunState.CANCELLING:
            state = RunState.CANCELLED
        if result is not None:
            runs.renew(session, lease, result=result)
        runs.finish(session, lease, state, error)
