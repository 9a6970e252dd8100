"""Extraction: entities and relationships out of each text unit, with gleanings.

The records are asked for in one of two formats: graphrag's tuples, which every model can write, or JSON under a
schema, which some servers make sure of. What is made of the records afterwards is the same.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from fileintel.fanout.progress import Progress
from fileintel.fanout.request import Request
from fileintel.graphrag.model import TextUnit
from fileintel.graphrag.prompts import CONTINUE, CONTINUE_JSON, EXTRACT, EXTRACT_JSON, LOOP, Prompt, PromptKind
from fileintel.graphrag.stages import json_records
from fileintel.graphrag.stages.examples import ExampleNames
from fileintel.graphrag.stages.extract_records import EntityRecord, Extraction, RelationshipRecord
from fileintel.graphrag.stages.gleaning import Gleaning, Readings, parse_yes_or_no
from fileintel.graphrag.stages.merging import merge
from fileintel.graphrag.stages.tuple_records import parse_gleaning, parse_records
from fileintel.llm.questions import Answered, ChatQuestion, Sampling, Schema

__all__ = [
    "FORMATS",
    "PURPOSES",
    "STAGE",
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


Over = Callable[[int, Extraction | None], object]


@dataclass(frozen=True)
class Format:
    """How records are asked for and read.

    Parameters:
      prompts: of the first question, of a gleaning, and of the check between two gleanings.
      parse, parse_gleaning: read an answer to the first question and to a gleaning.
    """

    name: str
    prompts: tuple[PromptKind, PromptKind, PromptKind]
    schema: Schema | None
    parse: Callable[[str], Extraction]
    parse_gleaning: Callable[[str], Extraction]


TUPLE = Format("tuple", (EXTRACT, CONTINUE, LOOP), None, parse_records, parse_gleaning)
JSON = Format(
    "json",
    (EXTRACT_JSON, CONTINUE_JSON, LOOP),
    json_records.SCHEMA,
    json_records.parse_records,
    json_records.parse_gleaning,
)
FORMATS = {form.name: form for form in (TUPLE, JSON)}


class ExtractStage:
    """Asks for the records of every text unit, with gleanings, and collects them.

    Parameters:
      prompts: those of the format, in its order.
      max_gleanings: how often the model is asked for what it has missed.
      slots: how many questions can be under way at once, at this moment.
      over: is given what was found in a text unit, or None, once nothing more comes; it is not kept here then.
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
        over: Over | None = None,
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
        self._over = over
        self._examples = ExampleNames("", form.parse_gleaning)
        self.extractions: dict[int, Extraction] = {}

    def requests(self, units: Sequence[TextUnit]) -> Iterator[Request]:
        """One request for each text unit; their follow-ups are the gleanings."""
        self._readings.begin(len(units))
        instructions = self._prompt.instructions.format(**self._fixed)
        self._examples = ExampleNames(instructions, self._form.parse_gleaning, units)
        return (self._request(unit) for unit in units)

    def finished(self) -> bool:
        """True when every text unit is done with."""
        return self._readings.finished()

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
        if self._over is not None:
            self._over(unit.number, self.extractions.pop(unit.number, None))
