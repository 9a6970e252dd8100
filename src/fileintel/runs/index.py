"""Building an index: finding out whether there is anything to do, holding the run, ending it in the right state."""

import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from fileintel import garbage_collection
from fileintel.errors import (
    BudgetReached,
    ConflictError,
    EmbeddingSizeChanged,
    ModelServerUnavailable,
    RunCancelled,
)
from fileintel.fanout.fanout import Fanout
from fileintel.fanout.journal import Journal, RunJournal
from fileintel.fanout.parsers import NamedParsers
from fileintel.fanout.progress import Progress
from fileintel.fanout.sharing import Sharing
from fileintel.graphrag import pipeline, publishing
from fileintel.graphrag.pipeline import PARSERS, BuildInputs, Paused, Stopped
from fileintel.llm.client import Tally
from fileintel.llm.gate import GateReading
from fileintel.runs import extraction_format
from fileintel.runs.embedding_size import embedding_size
from fileintel.runs.index_inputs import Inputs, read_inputs
from fileintel.runs.index_request import IndexRequest, RunIsPaused, embeds_afresh, freshness
from fileintel.runs.lease import is_gone, this_process
from fileintel.runs.outcome import holding
from fileintel.runs.run_fanout import fanout_of_run
from fileintel.runs.single_question import expect_models
from fileintel.runtime import Stalls
from fileintel.storage import prompts, run_counts, runs, versions
from fileintel.storage.engine import Database
from fileintel.storage.models import IndexVersion, Run
from fileintel.storage.run_counts import StageCounts
from fileintel.storage.runs import Lease
from fileintel.storage.states import RunState
from fileintel.workspace import Workspace

INPUTS_CHANGED = "the inputs have changed since it was left"
REPLACED = "more was asked for than it would have asked the model"
PAUSE_SECONDS = 1.0  # between two looks whether a model server is back
T = TypeVar("T")


@dataclass(frozen=True)
class View:
    """A run as a progress display sees it."""

    stages: list[StageCounts]
    llm: dict[str, Any]
    gate: GateReading


Observer = Callable[[View], None]


class Indexer:
    """Builds the index of a collection in this process.

    Parameters:
      stopping: asked often; once it says True the run is left so that it can go on later.
      observe: called about every second with the state of the run.
      began: called with the run's id once there is something to do.
      call_helpers: asks other workers to help with a run; without it there are none.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        stopping: Callable[[], bool] = lambda: False,
        observe: Observer = lambda _view: None,
        began: Callable[[str], None] = lambda _run_id: None,
        call_helpers: Callable[[str], None] | None = None,
    ) -> None:
        self._workspace = workspace
        self._stopping = stopping
        self._observe = observe
        self._began = began
        self._call_helpers = call_helpers

    def index(self, request: IndexRequest) -> str | None:
        """Bring a collection's index up to date; returns the run's id, or None when there was nothing to do.

        Raises:
          UsageError: there is no such stage.
          NotFoundError, EmptyCollectionError: there is nothing to index.
          PromptError: a prompt cannot be used.
          ConflictError: another process is at work on the collection, or its run is paused.
          ModelServerUnavailable, ModelServerRefused, EmbeddingSizeChanged: before anything was changed, or in the
            middle of the run, which is then failed; its answers are kept.
          Stopped, Paused: as asked for by `stopping`, or by a person.
          BudgetReached: the run has paid for `graphrag.max_run_tokens`; it is paused.
        """
        inputs = read_inputs(self._workspace, request)
        if self._has_nothing_to_do(inputs, request) and not self._settle_unfinished(inputs):
            return None
        expect_models(self._workspace)
        lease = self._take_run(inputs, request)
        with holding(self._database, lease):
            self._began(lease.run_id)
            if not self._is_published(lease):
                self._build(lease, inputs)
        return lease.run_id

    def work_on(self, run_id: str) -> bool:
        """Do a run that was queued, or go on with one whose worker is gone. Returns False, and does nothing, when
        the run is over or somebody alive is at work on it: messages may come twice.

        Model servers that are away are waited for, as long as `llm.patience` lasts.

        Raises: as `index`; the run is then failed, with the reason.
        """
        with self._database.transaction() as session:
            run = runs.find(session, run_id)
            lease = runs.acquire(session, run_id, this_process(), owner_is_gone=is_gone(run.owner))
        if lease is None:
            return False
        request = IndexRequest.of(run)
        with holding(self._database, lease):
            if self._is_published(lease):
                return True
            inputs = self._patiently(lease, lambda: read_inputs(self._workspace, request))
            if self._has_nothing_to_do(inputs, request):
                self._database.retrying(lambda session: runs.renew(session, lease, result={runs.UP_TO_DATE: True}))
            else:
                self._patiently(lease, self._workspace.check_models)
                self._build(lease, inputs)
        return True

    @property
    def _database(self) -> Database:
        return self._workspace.database

    def _patiently(self, lease: Lease, work: Callable[[], T]) -> T:
        """What `work` returns; again while a model server is away, as long as its patience lasts."""
        give_up = time.monotonic() + self._workspace.settings.llm.patience
        while True:
            try:
                return work()
            except ModelServerUnavailable:
                if time.monotonic() >= give_up:
                    raise
            if self._stopping():
                raise Stopped
            state = self._database.retrying(lambda session: runs.requested_state(session, lease.run_id))
            if state is RunState.CANCELLING:
                raise RunCancelled("the run was cancelled before it began to ask")
            if state is RunState.PAUSED:
                raise Paused
            time.sleep(PAUSE_SECONDS)
            self._workspace.tend()

    def _is_published(self, lease: Lease) -> bool:
        """Whether the run's worker died after its index was published, and before that was written down."""
        return self._database.retrying(lambda session: versions.published_by(session, lease.run_id)) is not None

    def _has_nothing_to_do(self, inputs: Inputs, request: IndexRequest) -> bool:
        """Whether the index in use was made of the same inputs, and nothing is missing from it; or whether one that
        was went out of use by a rollback: a person did not want it, and nothing has changed since."""
        if request.force or request.fresh or request.fresh_from or inputs.current is None:
            return False
        return self._database.retrying(inputs.is_complete)

    def _settle_unfinished(self, inputs: Inputs) -> bool:
        """End a run that was left on other inputs: it is of no use any more. Returns whether there is one on these
        inputs to go on with, such as a forced one that was interrupted."""
        with self._database.transaction() as session:
            unfinished = runs.active(session, inputs.collection.id)
            if unfinished is None:
                return False
            gone = is_gone(unfinished.owner)
            if unfinished.fingerprint == inputs.fingerprint or (gone and not unfinished.fingerprint):
                return True
            if unfinished.fingerprint:  # without one, it waits for a worker that has not begun
                lease = runs.acquire(session, unfinished.id, this_process(), owner_is_gone=gone)
                if lease is not None:
                    runs.finish(session, lease, RunState.CANCELLED, INPUTS_CHANGED)
            return False

    def _take_run(self, inputs: Inputs, request: IndexRequest) -> Lease:
        """The run to work on: one that was left unfinished with the same inputs, or a new one."""
        with self._database.transaction() as session:
            unfinished = runs.active(session, inputs.collection.id)
            if unfinished is not None:
                lease = runs.acquire(session, unfinished.id, this_process(), owner_is_gone=is_gone(unfinished.owner))
                if lease is None and unfinished.state == RunState.PAUSED.value:
                    raise RunIsPaused(unfinished.id, inputs.collection.name)
                if lease is None:
                    raise ConflictError(
                        f"another process is indexing {inputs.collection.name!r} (run {unfinished.id}, "
                        f"{unfinished.owner}): wait for it; "
                        f"`fileintel graphrag status {shlex.quote(inputs.collection.name)}` shows how far it is"
                    )
                same = unfinished.fingerprint in ("", inputs.fingerprint)  # "": queued, and never begun
                if same and request.asks_no_more_than(unfinished):
                    return lease
                runs.finish(session, lease, RunState.CANCELLED, REPLACED if same else INPUTS_CHANGED)
        with self._database.transaction() as session:
            run = runs.create(session, inputs.collection.id, fresh=request.fresh, parameters=request.parameters)
            new_lease = runs.acquire(session, run.id, this_process())
            assert new_lease is not None
            return new_lease

    def _models(self, inputs: Inputs) -> dict[str, Any]:
        chat, embedder = self._workspace.chat.endpoint, self._workspace.embedder.endpoint
        return {
            "chat": chat.model,
            "chat_builtin": chat.builtin,
            "embedding": embedder.model,
            "embedding_builtin": embedder.builtin,
            extraction_format.KEY: inputs.form.name,
            extraction_format.BELIEVED: inputs.doubt is not None,
        }

    def _begin(self, lease: Lease, inputs: Inputs) -> Run:
        """Write down what the run is made of, and forget the gaps of an earlier attempt."""
        used = {kind.file: inputs.prompts.text(kind) for kind in pipeline.prompts_of(inputs.settings, inputs.form)}

        def begin(session: Session) -> Run:
            runs.renew(
                session,
                lease,
                method=inputs.settings.graphrag.method,
                fingerprint=inputs.fingerprint,
                settings=inputs.remembered_settings(),
                models=self._models(inputs),
                prompts=prompts.keep(session, used),
            )
            run_counts.clear_gaps(session, lease.run_id)
            return runs.find(session, lease.run_id)

        return self._database.retrying(begin)

    def _build(self, lease: Lease, inputs: Inputs) -> None:
        garbage_collection.tune_collector()
        with garbage_collection.young_objects_only():
            try:
                self._build_calmly(lease, inputs)
            except extraction_format.SchemaIgnored:
                self._build_calmly(lease, inputs.in_tuples(self._workspace))

    def _build_calmly(self, lease: Lease, inputs: Inputs) -> None:
        workspace, settings = self._workspace, inputs.settings
        run = self._begin(lease, inputs)
        progress = Progress(pipeline.STAGES)
        tally = tally_of(run)
        tally.include(inputs.spent)

        def look_around() -> None:
            workspace.tend()
            self._observe(View(progress.counts(), journal.llm_counts(), workspace.chat.gate.reading()))

        journal = RunJournal(
            workspace.database, lease, progress, tally, freshness(run), look_around, throttling=self._throttling
        )
        journal.take_over()
        budget = settings.graphrag.max_run_tokens
        journal.longest_unsaved = int(run.llm.get("longest_unsaved_ms", 0)) / 1000
        journal.stalls = Stalls(int(run.llm.get("longest_stall_ms", 0)) / 1000, int(run.llm.get("hub_stalls", 0)))
        with (
            _within(budget, tally, journal),
            fanout_of_run(
                settings,
                workspace.chat,
                workspace.embedder,
                journal,
                tally,
                stopping=lambda: self._stopping() or journal.pausing or _is_spent(budget, tally),
                sharing=self._sharing(journal, tally, settings.graphrag.share_from),
            ) as fanout,
        ):
            is_settled = extraction_format.settle(inputs.doubt, fanout, journal) if inputs.doubt else lambda: True
            ingredients = BuildInputs(
                database=workspace.database,
                settings=settings,
                prompts=inputs.prompts,
                form=inputs.form,
                journal=journal,
                progress=progress,
                collection_id=inputs.collection.id,
                documents=inputs.documents,
                chat_model=str(workspace.chat.endpoint.model),
                embedding_model=str(workspace.embedder.endpoint.model),
                embedding_size=self._embedding_size(journal, fanout, inputs.current, fresh=embeds_afresh(run)),
                fingerprint=inputs.fingerprint,
                form_is_settled=is_settled,
            )
            try:
                with (
                    publishing.VersionWriter(ingredients) as edition,
                    pipeline.build(ingredients, fanout, edition.write_graph) as built,
                ):
                    fanout.close()
                    edition.publish(built)
            except BaseException:
                journal.write_last_progress()
                raise
        look_around()  # the last counts are written, and are to be seen as well

    def _sharing(self, journal: RunJournal, tally: Tally, share_from: int) -> Sharing | None:
        if self._call_helpers is None or not share_from:
            return None
        return Sharing(
            journal,
            tally,
            share_from,
            parsers=NamedParsers(PARSERS),
            call=partial(self._call_helpers, journal.lease.run_id),
            is_gone=is_gone,
        )

    def _embedding_size(self, journal: Journal, fanout: Fanout, current: IndexVersion | None, *, fresh: bool) -> int:
        embedder = self._workspace.embedder

        def check(size: int) -> None:
            self._check_size(str(embedder.endpoint.model), size, current, fresh)

        return embedding_size(embedder, journal, fanout, self._workspace.settings.embedding.dimensions, check)

    def _check_size(self, model: str, size: int, current: IndexVersion | None, fresh: bool) -> None:
        if current is None or fresh or current.embedding_model != model or current.embedding_size in (None, size):
            return
        raise EmbeddingSizeChanged(
            f"embedding model {model} now returns vectors of {size} numbers, the index in use has "
            f"{current.embedding_size}: nothing was changed; correct embedding.model, or build all vectors again "
            f"with --fresh"
        )

    def _throttling(self) -> str | None:
        """Why the model servers take less than they are given; None while they take all."""
        for client in (self._workspace.chat, self._workspace.embedder):
            reading = client.gate.reading()
            if reading.state == "away":
                return f"{client.endpoint.shown_url} does not answer"
            if reading.throttled:
                return f"{client.endpoint.shown_url} is busy: {reading.limit} of {reading.ceiling} requests at once"
        return None


@contextmanager
def _within(budget: int | None, tally: Tally, journal: RunJournal) -> Iterator[None]:
    """What stops in here because the budget is spent, and not because a person wants it, says so.

    Raises:
      BudgetReached: more tokens than the budget are paid for.
    """
    try:
        yield
    except Stopped:
        if journal.pausing or not _is_spent(budget, tally):
            raise
        raise BudgetReached(
            f"{tally.tokens:,} tokens are paid for, and graphrag.max_run_tokens is {budget}: the run is paused, every "
            f"answer so far is kept; set more and resume it"
        ) from None


def _is_spent(budget: int | None, tally: Tally) -> bool:
    return budget is not None and tally.tokens >= budget


def tally_of(run: Run) -> Tally:
    """The counts of a run so far: an earlier attempt may have asked before."""
    before = {name: int(run.llm.get(name, 0)) for name in ("calls", "retries", "prompt_tokens", "completion_tokens")}
    tally = Tally(**before)
    tally.peak_in_flight = int(run.llm.get("peak_in_flight", 0))
    return tally
