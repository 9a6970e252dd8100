"""Embeddings: vectors of text units, entities and reports, under upstream's names for the three sets."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Protocol

from fileintel.errors import EmbeddingSizeChanged
from fileintel.fanout.progress import Progress
from fileintel.fanout.request import Outcome, Request
from fileintel.graphrag import rows
from fileintel.graphrag.model import Entity, Relationship, Report, TextUnit
from fileintel.graphrag.stages.stage import Build, Moment, Stage, StageRun, Table
from fileintel.graphrag.vectors import AnsweredVectors
from fileintel.llm.questions import Answered, EmbeddingQuestion
from fileintel.storage.models import Embedding

STAGE = "embed"
TEXT_UNITS = "text_unit_text"
ENTITIES = "entity_description"
REPORTS = "community_full_content"
KINDS = (TEXT_UNITS, ENTITIES, REPORTS)


class Embeddable(Protocol):
    """A text with an id, and the number of its tokens."""

    @property
    def id(self) -> str: ...
    @property
    def n_tokens(self) -> int: ...
    @property
    def text(self) -> str: ...


class Fit(Protocol):
    """Cuts a text to the model's input limit; returns the text that is left and its number of tokens.

    `known` is the number of tokens of the whole text, where that has been counted before.
    """

    def __call__(self, text: str, *, known: int | None = None) -> tuple[str, int]: ...


class EmbedStage(StageRun):
    """Asks for the vectors of an index, all of one size. They are in the answer store: what is kept here is the key of
    each one's question, because a million vectors would take gigabytes.

    Attributes:
      answers: the keys by kind and id.

    Parameters:
      size: the size that the model returned when it was probed; another one ends the run.
      fit: cuts a text to the model's input limit; returns it with its number of tokens.
    """

    def __init__(
        self,
        model: str,
        progress: Progress,
        *,
        size: int,
        dimensions: int | None,
        fit: Fit,
    ) -> None:
        self._model = model
        self._progress = progress
        self._size = size
        self._dimensions = dimensions
        self._fit = fit
        self.answers: dict[str, dict[str, bytes]] = {kind: {} for kind in KINDS}

    def text_units_are_cut(self, build: Build) -> None:
        build.ask(self.text_units(build.parts.units))

    def graph_is_divided(self, build: Build) -> None:
        awaited = build.awaited
        build.ask(self.entities(e for e in build.parts.graph.entities.values() if e.id not in awaited))

    def described(self, thing: Entity | Relationship) -> Iterable[Request]:
        return self.entities([thing]) if isinstance(thing, Entity) else ()

    def reported(self, report: Report) -> Iterable[Request]:
        return self.report(report)

    def text_units(self, units: Iterable[TextUnit]) -> Iterator[Request]:
        """Requests for the vectors of text units."""
        return self._requests(TEXT_UNITS, ((unit.id, unit.text, unit.n_tokens) for unit in units), priority=0)

    def entities(self, entities: Iterable[Entity]) -> Iterator[Request]:
        """Requests for the vectors of described entities: title and description, as upstream does."""
        return self._requests(ENTITIES, ((e.id, f"{e.title}:{e.description}", None) for e in entities), priority=1)

    def report(self, report: Report) -> Iterator[Request]:
        """The request for a report's vector."""
        return self._requests(REPORTS, [(report.id, report.full_content, None)], priority=2)

    def _requests(self, kind: str, items: Iterable[tuple[str, str, int | None]], priority: int) -> Iterator[Request]:
        for identity, text, known in items:
            self._progress.begin(STAGE, 1)
            cut, tokens = self._fit(text, known=known)
            question = EmbeddingQuestion("embed", self._model, cut, tokens, self._dimensions)
            deliver = partial(self._embedded, kind, identity, question)
            yield Request(STAGE, f"{kind}/{identity}", question, deliver, priority)

    def _embedded(self, kind: str, identity: str, question: EmbeddingQuestion, outcome: Outcome) -> None:
        if not isinstance(outcome, Answered):
            self._progress.item_done(STAGE, failed=True)
            return
        vector_of(outcome, self._model, self._size)
        self.answers[kind][identity] = question.key
        self._progress.item_done(STAGE, cached=outcome.cached)


class TextUnitVectorStage:
    """Asks for the vectors of passages, in the very words of `EmbedStage.text_units`: what one has asked for, the
    other finds in the answer store. Vectors are given away as they come, so that any number of them can be asked for.

    Parameters:
      model: its name.
      size: the numbers in each vector; another size ends the run.
      dimensions: the size to ask for; None leaves it to the model.
      fit: cuts a text to the model's input limit; returns it with its number of tokens.
    """

    def __init__(
        self,
        model: str,
        progress: Progress,
        *,
        size: int,
        dimensions: int | None,
        fit: Fit,
    ) -> None:
        self._model = model
        self._progress = progress
        self._size = size
        self._dimensions = dimensions
        self._fit = fit
        self._vectors: dict[str, bytes] = {}
        self.failed: set[str] = set()

    @property
    def waiting(self) -> int:
        """How many vectors are there to be taken."""
        return len(self._vectors)

    def requests(self, passages: Iterable[Embeddable]) -> Iterator[Request]:
        """Requests for the vectors of these passages, one after the other."""
        for passage in passages:
            cut, tokens = self._fit(passage.text, known=passage.n_tokens)
            question = EmbeddingQuestion("embed", self._model, cut, tokens, self._dimensions)
            yield Request(STAGE, passage.id, question, partial(self._embedded, passage.id))

    def take(self) -> list[tuple[str, bytes]]:
        """The vectors that have come since the last time, by passage id, in one order."""
        taken = sorted(self._vectors.items())
        self._vectors.clear()
        return taken

    def _embedded(self, identity: str, outcome: Outcome) -> None:
        if isinstance(outcome, Answered):
            self._vectors[identity] = vector_of(outcome, self._model, self._size)
            self._progress.item_done(STAGE, cached=outcome.cached)
        else:
            self.failed.add(identity)
            self._progress.item_done(STAGE, failed=True)


def vector_of(outcome: Answered, model: str, size: int) -> bytes:
    """The vector of an answer, as 32-bit floats.

    Raises:
      EmbeddingSizeChanged: it has not `size` numbers, as the model's others have.
    """
    if len(outcome.value) != size:
        raise EmbeddingSizeChanged(
            f"embedding model {model} returned {len(outcome.value)} numbers for one text and {size} "
            f"for another: its answers are of different versions; index again with --fresh, or set embedding.model"
        )
    assert outcome.vector is not None
    return outcome.vector


def report_id(report: Report) -> str:
    """The id of a report, which follows from that of its community."""
    return report.id


def _begin(build: Build) -> StageRun:
    run, settings = build.run, build.run.settings.embedding
    stage = EmbedStage(
        run.embedding_model,
        run.progress,
        size=run.embedding_size,
        dimensions=settings.dimensions,
        fit=partial(build.tokenizer.fit, max_tokens=settings.max_input_tokens),
    )
    build.parts.vectors = AnsweredVectors(run.database, stage.answers, run.embedding_size)
    return stage


DECLARATION = Stage(
    STAGE,
    purposes=("embed", "probe"),
    tables=(
        Table(
            Embedding,
            None,
            lambda version, parts: rows.embedding_rows(version, parts.vectors),
            written=Moment.PUBLISHING,
        ),
    ),
    begin=_begin,
    asked_with_earlier=False,  # a vector follows from its text: a changed text is another question anyway
)
