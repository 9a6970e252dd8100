"""Vectors for the passages of a collection, so that they can be asked without an index of the graph."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from fileintel.documents.text_units import cut_name
from fileintel.fanout.run_fanout import RunFanout
from fileintel.graphrag.stages.embed import STAGE as EMBED
from fileintel.graphrag.stages.embed import TextUnitVectorStage
from fileintel.llm.tokenizer_file import tokenizer_for
from fileintel.runs.cut_text_units import cut_collection, uncut
from fileintel.runs.embedding_size import embedding_size
from fileintel.runs.run_context import Asking, Observer, RunContext, ignore, never, perform
from fileintel.storage import document_text_units, runs, vectors
from fileintel.storage.models import DocumentTextUnit, VectorSet
from fileintel.workspace import Workspace

CUT = "cut"
STAGES = (CUT, EMBED)
UNITS_PER_QUERY = 256  # of about 5,000 characters: a megabyte or two at once
VECTORS_PER_WRITE = 500


def embed_passages(
    workspace: Workspace, run_id: str, stopping: Callable[[], bool] = never, observe: Observer = ignore
) -> bool:
    """Do a queued run that embeds the passages of a collection; see `perform`."""
    return perform(workspace, run_id, make_vectors, stopping=stopping, observe=observe)


def make_vectors(context: RunContext) -> None:
    """Cut what is not cut with the present settings, and ask for the vectors that are missing.

    Raises:
      ModelServerUnavailable, ModelServerRefused, EmbeddingSizeChanged: the model cannot be asked.
      ConfigError: the token encoding is missing.
      RunFailed: more passages have got no vector than the settings allow.
    """
    embedder = context.workspace.embedder
    context.workspace.check_model(embedder)
    asking = context.asking(STAGES, embedder)
    with asking.fanout(embedder, embedder) as fanout:
        _Embedding(asking, fanout).run()


class _Embedding:
    """One run at work."""

    def __init__(self, asking: Asking, fanout: RunFanout) -> None:
        self._context = asking.context
        self._workspace = self._context.workspace
        settings = self._workspace.settings
        self._journal = asking.journal
        self._progress = asking.progress
        self._fanout = fanout
        self._collection_id = self._context.run.collection_id
        self._model = str(self._workspace.embedder.endpoint.model)
        size = embedding_size(self._workspace.embedder, asking.journal, fanout, settings.embedding.dimensions)
        self._set = self._open_set(size)
        self._stage = TextUnitVectorStage(
            self._model,
            asking.progress,
            size=size,
            dimensions=settings.embedding.dimensions,
            fit=partial(tokenizer_for(settings.chunking).fit, max_tokens=settings.embedding.max_input_tokens),
        )

    def run(self) -> None:
        """Until there is nothing left: what comes in meanwhile is taken along."""
        while not self._is_over():
            self._cut()
            self._embed()
            self._tidy()
            self._journal.check_gaps(EMBED, self._workspace.settings.graphrag.max_gap_share)
        self._drop_other_sets()

    def _is_over(self) -> bool:
        self._journal.write_progress()
        return self._context.finish_unless(self._more, self._result)

    def _open_set(self, size: int) -> VectorSet:
        with self._workspace.database.transaction() as session:
            found = vectors.open_set(session, self._collection_id, self._model, size)
            runs.renew(session, self._context.lease, models={"embedding": self._model})
            return found

    def _more(self, session: Session) -> bool:
        if document_text_units.uncut(session, self._collection_id, cut_name(self._workspace.settings.chunking)):
            return True
        failed = self._stage.failed
        lacking = vectors.lacking(session, self._collection_id, self._set.id, None, len(failed) + 1)
        return any(passage.id not in failed for passage in lacking)

    def _result(self, session: Session) -> dict[str, Any]:
        coverage = vectors.coverage(session, self._collection_id, self._set.id)
        return {"passages": coverage.text_units, "with_vector": coverage.with_vector, "embedding_model": self._model}

    def _cut(self) -> None:
        self._progress.begin(CUT, len(uncut(self._workspace, self._collection_id)))
        for _ in cut_collection(self._workspace, self._collection_id):
            self._progress.item_done(CUT)
            self._journal.tick()
        self._progress.complete(CUT)

    def _embed(self) -> None:
        with self._workspace.database.transaction() as session:
            missing = vectors.coverage(session, self._collection_id, self._set.id).lacking
        self._progress.begin(EMBED, missing - len(self._stage.failed))
        self._fanout.add(self._stage.requests(self._lacking()))
        done = False
        while not done:
            self._fanout.ask(until=lambda: self._stage.waiting >= VECTORS_PER_WRITE)
            done = self._stage.waiting < VECTORS_PER_WRITE
            self._write(self._stage.take())

    def _lacking(self) -> Iterator[DocumentTextUnit]:
        """The passages without a vector that were not given up, a batch in each transaction."""
        after: tuple[str, int] | None = None
        while True:
            with self._workspace.database.transaction() as session:
                batch = vectors.lacking(session, self._collection_id, self._set.id, after, UNITS_PER_QUERY)
            yield from (passage for passage in batch if passage.id not in self._stage.failed)
            if not batch:
                return
            after = (batch[-1].document_id, batch[-1].number)

    def _write(self, found: list[tuple[str, bytes]]) -> None:
        with self._workspace.database.transaction() as session:
            vectors.add(session, self._set.id, found)
            runs.renew(
                session, self._context.lease
            )  # last, because it locks the run's row against the keeper of the lease

    def _tidy(self) -> None:
        with self._workspace.database.transaction() as session:
            vectors.tidy(session, self._set)
            runs.renew(session, self._context.lease)

    def _drop_other_sets(self) -> None:
        """The vectors of an earlier model, now that this one's are there."""
        with self._workspace.database.transaction() as session:
            others = [one.id for one in vectors.sets_of(session, self._collection_id) if one.id != self._set.id]
            vectors.drop_all(session, others)
