"""Working on a run: it is claimed, its lease and its counts are kept, and it ends in the state that fits.

What a run does is its body: a function that is given a `RunContext` and returns the result that the run's row is to
keep, if any. `perform` does all the rest, the same for every kind of run.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from fileintel.config import Settings
from fileintel.fanout.journal import RunJournal
from fileintel.fanout.progress import Progress
from fileintel.fanout.run_fanout import RunFanout
from fileintel.fanout.sharing import Sharing
from fileintel.fanout.stop_requests import Paused as Paused
from fileintel.fanout.stop_requests import Stopped as Stopped
from fileintel.fanout.stop_requests import StopRequests
from fileintel.llm.client import Tally
from fileintel.llm.gate import GateReading
from fileintel.runs.dispatch import Dispatcher
from fileintel.runs.lease import is_gone, this_process
from fileintel.runs.outcome import ending, finish, finish_whole
from fileintel.runs.spool import drop_upload
from fileintel.runtime import Stalls
from fileintel.storage import run_counts, runs
from fileintel.storage.answers import Freshness
from fileintel.storage.models import Run
from fileintel.storage.run_counts import StageCounts
from fileintel.storage.runs import Lease
from fileintel.workspace import Workspace

if TYPE_CHECKING:
    from fileintel.llm.client import ModelClient


@dataclass(frozen=True)
class View:
    """A run as a progress display sees it."""

    stages: list[StageCounts]
    llm: dict[str, Any]
    gate: GateReading


Observer = Callable[[View], None]


def never() -> bool:
    """Tell that nothing is to stop."""
    return False


def ignore(view: View) -> None:
    """Show nothing of a run's progress."""


@dataclass(frozen=True)
class Claim:
    """A run that this process holds; `run` is its row as it was when it was claimed."""

    run: Run
    lease: Lease


def take(workspace: Workspace, run_id: str) -> Claim | None:
    """Claim a run that is queued, or whose worker is gone; None when it is over, rests, or is being worked on.

    Raises:
      NotFoundError: there is no such run.
    """
    with workspace.database.transaction() as session:
        run = runs.locked(session, run_id)
        lease = runs.acquire_locked(session, run, this_process(), owner_is_gone=is_gone(run.owner))
        if lease is None:
            return None
        if run.attempts > 1:
            run_counts.clear_gaps(session, run.id)
    return Claim(run, lease)


class RunContext:
    """What the body of a run has at hand.

    Parameters:
      stopping: tells whether this process is about to end; the run is then left so that it can go on later.
      observe: called about every second with the state of the run, while it asks a model.
      dispatcher: sends messages to other workers; None where there are none.

    Attributes:
      run: the row of the run; a body that writes into it replaces this one.
    """

    def __init__(
        self,
        workspace: Workspace,
        claim: Claim,
        *,
        stopping: Callable[[], bool] = never,
        observe: Observer = ignore,
        dispatcher: Dispatcher | None = None,
    ) -> None:
        self.workspace = workspace
        self.database = workspace.database
        self.run = claim.run
        self.lease = claim.lease
        self.dispatcher = dispatcher
        self.stop_requests = StopRequests(self.database, claim.lease, stopping)
        self.is_finished = False
        self._observe = observe

    def renew(self, **values: Any) -> None:
        """Extend the lease and write `values` into the run's row.

        Raises:
          LeaseLost: another worker holds the run now.
        """
        self.database.retrying(lambda session: runs.renew(session, self.lease, **values))

    def finish(self, result: dict[str, Any] | None = None, *, may_have_gaps: bool = True) -> None:
        """End the run, its work being done. `perform` does that unless the body has."""
        values = {} if result is None else {"result": result}
        end = finish if may_have_gaps else finish_whole
        self.database.retrying(lambda session: end(session, self.lease, **values))
        self.is_finished = True

    def finish_unless(self, more: Callable[[Session], bool], result: Callable[[Session], dict[str, Any]]) -> bool:
        """End the run with its result unless there is more to do; tell whether it is over.

        A request that adds work for a run of this kind holds the run's row while it looks whether the run is active.
        So the run either finds the work here, or is over and another run is made.
        """
        with self.database.transaction() as session:
            runs.locked(session, self.lease.run_id)
            if more(session):
                return False
            finish(session, self.lease, result=result(session))
        self.is_finished = True
        return True

    def asking(
        self,
        stages: Sequence[str],
        client: "ModelClient | None",
        *,
        fresh: Freshness | None = None,
        spent: Tally | None = None,
        throttling: Callable[[], str | None] = lambda: None,
    ) -> "Asking":
        """Open the journal of a run with questions.

        Parameters:
          stages: the names of its stages, in order.
          client: the model server whose load a progress display shows; None where no model is asked.
          fresh: which stored answers are too old to be used.
          spent: what was asked for the run before it began to count.
          throttling: says why the model servers take less than they are given; None while they take all.
        """
        progress, tally = Progress(stages), tally_of(self.run)
        if spent is not None:
            tally.include(spent)

        def look_around() -> None:
            self.workspace.tend()
            if client is not None:
                self._observe(View(progress.counts(), journal.llm_counts(), client.gate.reading()))

        journal = RunJournal(
            self.database,
            self.lease,
            progress,
            tally,
            fresh,
            look_around,
            throttling=throttling,
            stop_requests=self.stop_requests,
        )
        journal.take_over()
        before = self.run.llm
        journal.longest_unsaved = int(before.get("longest_unsaved_ms", 0)) / 1000
        journal.stalls = Stalls(int(before.get("longest_stall_ms", 0)) / 1000, int(before.get("hub_stalls", 0)))
        return Asking(self, progress, tally, journal, look_around)


@dataclass(frozen=True)
class Asking:
    """The counts and the journal of a run with questions. `look_around` shows them, and looks after the servers of
    this process."""

    context: RunContext
    progress: Progress
    tally: Tally
    journal: RunJournal
    look_around: Callable[[], None]

    @contextmanager
    def fanout(
        self,
        chat: "ModelClient",
        embedder: "ModelClient",
        *,
        settings: Settings | None = None,
        stopping: Callable[[], bool] = never,
        sharing: Sharing | None = None,
    ) -> Iterator[RunFanout]:
        """Open the fan-out; the last counts are written where the block ends in an error. A run that asks only one
        kind of question gives its client for both: the other server may be away."""
        settings = settings or self.context.workspace.settings
        with RunFanout(
            settings, chat, embedder, self.journal, self.tally, stopping=stopping, sharing=sharing
        ) as fanout:
            try:
                yield fanout
            except BaseException:
                self.journal.write_last_progress()
                raise


def tally_of(run: Run) -> Tally:
    """Count on from an earlier attempt of a run, which may have asked before."""
    before = {name: int(run.llm.get(name, 0)) for name in ("calls", "retries", "prompt_tokens", "completion_tokens")}
    tally = Tally(**before)
    tally.peak_in_flight = int(run.llm.get("peak_in_flight", 0))
    return tally


Body = Callable[[RunContext], dict[str, Any] | None]


def perform(
    workspace: Workspace,
    run_id: str,
    body: Body,
    *,
    stopping: Callable[[], bool] = never,
    observe: Observer = ignore,
    dispatcher: Dispatcher | None = None,
) -> bool:
    """Do a queued run, or go on with one whose worker is gone.

    Returns False, and does nothing, when the run is over or a living process works on it: messages may come twice.

    Raises:
      NotFoundError: there is no such run.
      Stopped, Paused: as asked for by `stopping`, or by a person; the run is handed back, or rests.
      BudgetReached: the run rests.
      RunCancelled: the run has ended.
      FileIntelError: the run has failed with this reason.
    """
    claim = take(workspace, run_id)
    if claim is None:
        return False
    try:
        work_in(RunContext(workspace, claim, stopping=stopping, observe=observe, dispatcher=dispatcher), body)
    finally:
        drop_upload(workspace, claim.run)
    return True


def work_in(context: RunContext, body: Body, *, resumable: bool = True) -> None:
    """Let a body work on a run that was claimed, and end the run as the body ends.

    Parameters:
      resumable: another process can go on with the run when this one is interrupted; else the run has failed then.

    Raises: what the body raises.
    """
    with ending(context.database, context.lease, resumable=resumable):
        result = body(context)
    if not context.is_finished:
        context.finish(result)
