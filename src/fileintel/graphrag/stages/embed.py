"""Embeddings: vectors of text units, entities and reports, under upstream's names for the three sets."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from fileintel.errors import EmbeddingSizeChanged
from fileintel.graphrag.fanout import Outcome, Request
from fileintel.graphrag.model import Entity, Report, TextUnit
from fileintel.graphrag.progress import Progress
from fileintel.identity import content_id
from fileintel.llm.questions import Answered, EmbeddingQuestion

STAGE = "embed"
TEXT_UNITS = "text_unit_text"
ENTITIES = "entity_description"
REPORTS = "community_full_content"
KINDS = (TEXT_UNITS, ENTITIES, REPORTS)


class EmbedStage:
    """Collects the vectors of an index, all of one size.

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
        fit: Callable[[str], tuple[str, int]],
    ) -> None:
        self._model = model
        self._progress = progress
        self._size = size
        self._dimensions = dimensions
        self._fit = fit
        self.vectors: dict[tuple[str, str], bytes] = {}

    def text_units(self, units: Iterable[TextUnit]) -> Iterator[Request]:
        """Requests for the vectors of text units."""
        return self._requests(TEXT_UNITS, ((unit.id, unit.text) for unit in units), priority=0)

    def entities(self, entities: Iterable[Entity]) -> Iterator[Request]:
        """Requests for the vectors of described entities: title and description, as upstream does."""
        return self._requests(ENTITIES, ((e.id, f"{e.title}:{e.description}") for e in entities), priority=1)

    def report(self, report: Report) -> Iterator[Request]:
        """The request for a report's vector."""
        return self._requests(REPORTS, [(report_id(report), report.full_content)], priority=2)

    def _requests(self, kind: str, items: Iterable[tuple[str, str]], priority: int) -> Iterator[Request]:
        for identity, text in items:
            self._progress.begin(STAGE, 1)
            cut, tokens = self._fit(text)
            question = EmbeddingQuestion("embed", self._model, cut, tokens, self._dimensions)
            yield Request(STAGE, f"{kind}/{identity}", question, partial(self._embedded, kind, identity), priority)

    def _embedded(self, kind: str, identity: str, outcome: Outcome) -> None:
        if not isinstance(outcome, Answered):
            self._progress.item_done(STAGE, failed=True)
            return
        if len(outcome.value) != self._size:
            raise EmbeddingSizeChanged(
                f"embedding model {self._model} returned {len(outcome.value)} numbers for one text and {self._size} "
                f"for another: its answers are of different versions; index again with --fresh, or set embedding.model"
            )
        assert outcome.vector is not None
        self.vectors[kind, identity] = outcome.vector
        self._progress.item_done(STAGE, cached=outcome.cached)


def report_id(report: Report) -> str:
    """The id of a report: that of its community, under another kind."""
    return content_id("report", report.community.id)
