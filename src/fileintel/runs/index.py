"""The body of an index run, and the claim of a run for a command that builds an index in its own process."""

import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from fileintel import garbage_collection
from fileintel.errors import BudgetReached, ConflictError, EmbeddingSizeChanged, ModelServerUnavailable
from fileintel.fanout.journal import Journal
from fileintel.fanout.parsers import NamedParsers
from fileintel.fanout.run_fanout import RunFanout
from fileintel.fanout.sharing import Sharing
from fileintel.fanout.stop_requests import Stopped
from fileintel.graphrag import pipeline, publishing
from fileintel.graphrag.pipeline import PARSERS, BuildInputs
from fileintel.llm.client import Tally
from fileintel.runs import extraction_format
from fileintel.runs.dispatch import CeleryDispatcher
from fileintel.runs.embedding_size import embedding_size
from fileintel.runs.index_inputs import Inputs, read_inputs
from fileintel.runs.index_request import IndexRequest, RunIsPaused, embeds_afresh, freshness
from fileintel.runs.lease import is_gone, this_process
from fileintel.runs.run_context import Asking, Claim, Observer, RunContext, ignore, never, perform, work_in
from fileintel.runs.single_question import expect_models
from fileintel.storage import prompts, run_counts, runs, versions
from fileintel.storage.engine import Database
from fileintel.storage.models import Run
from fileintel.storage.states import RunState
from fileintel.workspace import Workspace

INPUTS_CHANGED = "the inputs have changed since it was left"
REPLACED = "more was asked for than it would have asked the model"
PAUSE_SECONDS = 1.0  # between two looks whether a model server is back
T = TypeVar("T")


class Indexer:
    """Builds the index of a collection in this process.

    Parameters:
      stopping: asked often; once it says True the run is left so that it can go on later.
      observe: called about every second with the state of the run.
      began: called with the run's id once there is something to do.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        stopping: Callable[[], bool] = never,
        observe: Observer = ignore,
        began: Callable[[str], None] = lambda _run_id: None,
    ) -> None:
        self._workspace = workspace
        self._stopping = stopping
        self._observe = observe
        self._began = began

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
        if _has_nothing_to_do(self._database, inputs, request) and not self._settle_unfinished(inputs):
            return None
        expect_models(self._workspace)
        claim = self._take_run(inputs, request)

        def build(context: RunContext) -> None:
            self._began(context.run.id)
            if not _is_published(context):
                _publish(context, inputs)

        work_in(RunContext(self._workspace, claim, stopping=self._stopping, observe=self._observe), build)
        return claim.run.id

    def work_on(self, run_id: str) -> bool:
        """Do a run that was queued, or go on with one whose worker is gone; see `perform`."""
        return perform(self._workspace, run_id, build_index, stopping=self._stopping, observe=self._observe)

    @property
    def _database(self) -> Database:
        return self._workspace.database

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

    def _take_run(self, inputs: Inputs, request: IndexRequest) -> Claim:
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
                    return Claim(unfinished, lease)
                runs.finish(session, lease, RunState.CANCELLED, REPLACED if same else INPUTS_CHANGED)
        with self._database.transaction() as session:
            run = runs.create(session, inputs.collection.id, fresh=request.fresh, parameters=request.parameters)
            new_lease = runs.acquire(session, run.id, this_process())
            assert new_lease is not None
            return Claim(run, new_lease)


def build_index(context: RunContext) -> dict[str, Any] | None:
    """Build the index that a run was made for. Model servers that are away are waited for, as long as `llm.patience`
    lasts.

    Returns the run's result where there was nothing to do.

    Raises: as `Indexer.index`.
    """
    request = IndexRequest.of(context.run)
    if _is_published(context):
        return None
    inputs = _patiently(context, lambda: read_inputs(context.workspace, request))
    if _has_nothing_to_do(context.database, inputs, request):
        return {runs.UP_TO_DATE: True}
    _patiently(context, context.workspace.check_models)
    _publish(context, inputs)
    return None


def _is_published(context: RunContext) -> bool:
    """Whether the run's worker died after its index was published, and before that was written down."""
    found = context.database.retrying(lambda session: versions.published_by(session, context.lease.run_id))
    return found is not None


def _has_nothing_to_do(database: Database, inputs: Inputs, request: IndexRequest) -> bool:
    """Whether the index in use was made of the same inputs, and nothing is missing from it; or whether one that
    was went out of use by a rollback: a person did not want it, and nothing has changed since."""
    if request.force or request.fresh or request.fresh_from or inputs.current is None:
        return False
    return database.retrying(inputs.is_complete)


def _patiently(context: RunContext, work: Callable[[], T]) -> T:
    """Return what `work` returns; do it again while a model server is away, as long as its patience lasts."""
    give_up = time.monotonic() + context.workspace.settings.llm.patience
    while True:
        try:
            return work()
        except ModelServerUnavailable:
            if time.monotonic() >= give_up:
                raise
        if context.stop_requests():
            raise context.stop_requests.error()
        context.stop_requests.check()
        time.sleep(PAUSE_SECONDS)
        context.workspace.tend()


def _publish(context: RunContext, inputs: Inputs) -> None:
    """Build the index and publish it."""
    garbage_collection.tune_collector()
    with garbage_collection.young_objects_only():
        try:
            _Building(context, inputs).run()
        except extraction_format.SchemaIgnored:
            _Building(context, inputs.in_tuples(context.workspace)).run()


class _Building:
    """One attempt at an index, in one form of questions."""

    def __init__(self, context: RunContext, inputs: Inputs) -> None:
        self._context = context
        self._workspace = context.workspace
        self._inputs = inputs
        self._budget = inputs.settings.graphrag.max_run_tokens

    def run(self) -> None:
        """Ask, build and publish.

        Raises:
          SchemaIgnored: the server does not honour schemas; nothing was published.
          What `Indexer.index` raises.
        """
        context, workspace, inputs = self._context, self._workspace, self._inputs
        run = context.run = self._begin()
        asking = context.asking(
            pipeline.STAGES, workspace.chat, fresh=freshness(run), spent=inputs.spent, throttling=self._throttling
        )
        with (
            self._within_budget(asking),
            asking.fanout(
                workspace.chat,
                workspace.embedder,
                settings=inputs.settings,
                stopping=lambda: self._is_spent(asking.tally),
                sharing=self._sharing(asking),
            ) as fanout,
        ):
            is_settled = (
                extraction_format.settle(inputs.doubt, fanout, asking.journal) if inputs.doubt else lambda: True
            )
            build_inputs = BuildInputs(
                database=workspace.database,
                settings=inputs.settings,
                prompts=inputs.prompts,
                form=inputs.form,
                journal=asking.journal,
                progress=asking.progress,
                collection_id=inputs.collection.id,
                documents=inputs.documents,
                chat_model=str(workspace.chat.endpoint.model),
                embedding_model=str(workspace.embedder.endpoint.model),
                embedding_size=self._embedding_size(asking.journal, fanout, fresh=embeds_afresh(run)),
                fingerprint=inputs.fingerprint,
                form_is_settled=is_settled,
            )
            with (
                publishing.VersionWriter(build_inputs) as version,
                pipeline.build(build_inputs, fanout, version.write_graph) as built,
            ):
                fanout.close()
                version.publish(built)
        asking.look_around()  # the last counts are written, and are to be seen as well

    def _begin(self) -> Run:
        """Write down what the run is made of, and forget the gaps of an earlier attempt."""
        lease, inputs = self._context.lease, self._inputs
        used = {kind.file: inputs.prompts.text(kind) for kind in pipeline.prompts_of(inputs.settings, inputs.form)}

        def begin(session: Session) -> Run:
            runs.renew(
                session,
                lease,
                method=inputs.settings.graphrag.method,
                fingerprint=inputs.fingerprint,
                settings=inputs.remembered_settings(),
                models=self._models(),
                prompts=prompts.keep(session, used),
            )
            run_counts.clear_gaps(session, lease.run_id)
            return runs.find(session, lease.run_id)

        return self._context.database.retrying(begin)

    def _models(self) -> dict[str, Any]:
        chat, embedder = self._workspace.chat.endpoint, self._workspace.embedder.endpoint
        return {
            "chat": chat.model,
            "chat_builtin": chat.builtin,
            "embedding": embedder.model,
            "embedding_builtin": embedder.builtin,
            extraction_format.KEY: self._inputs.form.name,
            extraction_format.BELIEVED: self._inputs.doubt is not None,
        }

    def _sharing(self, asking: Asking) -> Sharing | None:
        share_from = self._inputs.settings.graphrag.share_from
        dispatcher = self._context.dispatcher
        if not share_from or not isinstance(dispatcher, CeleryDispatcher):
            return None
        return Sharing(
            asking.journal,
            asking.tally,
            share_from,
            parsers=NamedParsers(PARSERS),
            call=partial(dispatcher.call_helpers, self._context.lease.run_id),
            is_gone=is_gone,
        )

    def _embedding_size(self, journal: Journal, fanout: RunFanout, *, fresh: bool) -> int:
        embedder = self._workspace.embedder

        def check(size: int) -> None:
            self._check_size(str(embedder.endpoint.model), size, fresh)

        return embedding_size(embedder, journal, fanout, self._workspace.settings.embedding.dimensions, check)

    def _check_size(self, model: str, size: int, fresh: bool) -> None:
        current = self._inputs.current
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
    def _within_budget(self, asking: Asking) -> Iterator[None]:
        """Let work that stops because the budget is spent, and not because a person wants it, say so.

        Raises:
          BudgetReached: more tokens than the budget are paid for.
        """
        try:
            yield
        except Stopped:
            if asking.journal.pausing or not self._is_spent(asking.tally):
                raise
            raise BudgetReached(
                f"{asking.tally.tokens:,} tokens are paid for, and graphrag.max_run_tokens is {self._budget}: the run "
                f"is paused, every answer so far is kept; set more and resume it"
            ) from None

    def _is_spent(self, tally: Tally) -> bool:
        return self._budget is not None and tally.tokens >= self._budget
