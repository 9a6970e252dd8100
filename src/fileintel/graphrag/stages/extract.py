"""Extraction: entities and relationships out of each text unit, with gleanings, merged into one graph.

With `graphrag.method: fast` no question is asked: `fast` makes the graph from the names that stand in the texts.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from fileintel.config import Settings
from fileintel.fanout.progress import Progress
from fileintel.fanout.request import Request
from fileintel.graphrag import rows
from fileintel.graphrag.model import TextUnit
from fileintel.graphrag.prompts import Prompt, PromptKind
from fileintel.graphrag.stages.examples import ExampleNames
from fileintel.graphrag.stages.extract_records import EntityRecord, Extraction, RelationshipRecord
from fileintel.graphrag.stages.formats import FAST, FORMATS, JSON, TUPLE, Format
from fileintel.graphrag.stages.gleaning import Gleaning, Readings, parse_yes_or_no
from fileintel.graphrag.stages.merging import InOrder, merge
from fileintel.graphrag.stages.stage import Build, Moment, Stage, StageRun, Table
from fileintel.graphrag.stages.tuple_records import parse_gleaning, parse_records
from fileintel.llm.questions import Answered, ChatQuestion, Sampling
from fileintel.storage.models import Entity as EntityRow
from fileintel.storage.models import Relationship as RelationshipRow

__all__ = [
    "FORMATS",
    "JSON",
    "PURPOSES",
    "STAGE",
    "TUPLE",
    "EntityRecord",
    "ExtractStage",
    "Extraction",
    "Format",
    "RelationshipRecord",
    "merge",
    "parse_gleaning",
    "parse_records",
    "parse_yes_or_no",
]

STAGE = "extract"
PURPOSES = ("extract", "glean", "glean_check")


class ExtractStage(StageRun):
    """Asks for the records of every text unit, with gleanings, and collects them.

    Parameters:
      prompts: those of the format, in its order.
      max_gleanings: how often the model is asked for what it has missed.
      slots: how many questions can be under way at once, at this moment.
      merged: is given what was found in a text unit once nothing more comes; it is not kept here then.
    """

    def __init__(
        self,
        model: str,
        prompts: tuple[Prompt, Prompt, Prompt],
        sampling: Sampling,
        progress: Progress,
        *,
        entity_types: Sequence[str],
        language: str | None,
        max_gleanings: int,
        slots: Callable[[], int] = lambda: 0,
        form: Format = TUPLE,
        merged: InOrder | None = None,
    ) -> None:
        self._model = model
        self._form = form
        self._prompt, continue_prompt, loop_prompt = prompts
        self._sampling = sampling
        self._progress = progress
        self._fixed = {"entity_types": ", ".join(entity_types)}
        self._language = language
        gleaning = Gleaning(
            continue_prompt.text(), loop_prompt.text(), max_gleanings, form.parse_gleaning, PURPOSES[1:]
        )
        self._readings = Readings(STAGE, gleaning, progress, slots)
        self._merged = merged
        self._examples = ExampleNames("", form.parse_gleaning)
        self.extractions: dict[int, Extraction] = {}

    def text_units_are_cut(self, build: Build) -> None:
        requests = self.requests(build.parts.units)
        build.ask(requests if build.scale is None else build.scale.watching(requests))

    def texts_are_read(self, build: Build) -> None:
        assert self._merged is not None
        build.parts.graph = self._merged.graph()

    def requests(self, units: Sequence[TextUnit]) -> Iterator[Request]:
        """One request for each text unit; their follow-ups are the gleanings."""
        self._readings.begin(len(units))
        instructions = self._prompt.instructions.format(**self._fixed)
        self._examples = ExampleNames(instructions, self._form.parse_gleaning, units)
        return (self._request(unit) for unit in units)

    def finished(self) -> bool:
        """True when every text unit is done with."""
        return self._readings.finished()

    def free_in_slices(self) -> None:
        if self._merged is not None:
            self._merged.free_in_slices()

    def _request(self, unit: TextUnit) -> Request:
        messages = self._prompt.messages(self._language, input_text=unit.text, **self._fixed)
        question = ChatQuestion(
            PURPOSES[0], self._model, messages, self._form.parse, self._sampling, self._form.schema, parts_count=True
        )
        return self._readings.request(unit.id, question, partial(self._take, unit), ended=partial(self._ended, unit))

    def _take(self, unit: TextUnit, answer: Answered) -> None:
        found = self._examples.without(answer.value, unit.text)
        self._progress.records_read(found.kept, found.dropped, found.mended)
        self.extractions.setdefault(unit.number, Extraction()).add(found)

    def _ended(self, unit: TextUnit) -> None:
        if self._merged is not None:
            self._merged.over(unit.number, self.extractions.pop(unit.number, None))


def _begin(build: Build) -> StageRun:
    settings, run = build.run.settings.graphrag, build.run
    if settings.method == FAST:
        from fileintel.graphrag.stages.fast import FastExtraction  # what reads names is not needed by other runs

        return FastExtraction()
    first, more, check = build.prompts(*run.form.prompts)
    return ExtractStage(
        run.chat_model,
        (first, more, check),
        build.sampling,
        run.progress,
        entity_types=settings.entity_types,
        language=settings.language,
        max_gleanings=settings.max_gleanings,
        slots=build.slots,
        form=run.form,
        merged=InOrder(unit.number for unit in build.parts.units),
    )


def _prompts_for(_stage: Stage, settings: Settings, form: Format) -> Sequence[PromptKind]:
    return () if settings.graphrag.method == FAST else form.prompts


DECLARATION = Stage(
    STAGE,
    purposes=PURPOSES,
    prompts=tuple(dict.fromkeys(kind for form in FORMATS.values() for kind in form.prompts)),
    prompts_for=_prompts_for,
    parsers={
        **{f"extract/{form.name}": form.parse for form in FORMATS.values()},
        **{f"glean/{form.name}": form.parse_gleaning for form in FORMATS.values()},
        "glean_check": parse_yes_or_no,
    },
    tables=(
        Table(EntityRow, "entities", lambda version, parts: rows.entity_rows(version, parts.graph, parts.units)),
        Table(
            RelationshipRow,
            "relationships",
            lambda version, parts: rows.relationship_rows(version, parts.graph, parts.units),
        ),
    ),
    begin=_begin,
    complete_before=Moment.GRAPH,
)
