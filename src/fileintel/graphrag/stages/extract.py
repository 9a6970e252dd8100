"""Extraction: entities and relationships out of each text unit, with gleanings.

The records are asked for in one of two formats: graphrag's tuples, which every model can write, or JSON under a
schema, which some servers make sure of. What is made of the records afterwards is the same.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from fileintel.graphrag.fanout import Outcome, Request
from fileintel.graphrag.model import TextUnit
from fileintel.graphrag.progress import Progress
from fileintel.graphrag.prompts import CONTINUE, CONTINUE_JSON, EXTRACT, EXTRACT_JSON, LOOP, Prompt, PromptKind
from fileintel.graphrag.stages import json_records
from fileintel.graphrag.stages.examples import ExampleNames
from fileintel.graphrag.stages.extraction import EntityRecord, Extraction, RelationshipRecord
from fileintel.graphrag.stages.merging import merge
from fileintel.graphrag.stages.tuple_records import parse_gleaning, parse_records
from fileintel.llm.questions import ChatQuestion, Failed, Sampling, Schema

__all__ = [
    "FORMATS",
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
        form: Format = TUPLE,
        over: Over | None = None,
    ) -> None:
        self._model = model
        self._form = form
        self._prompt, continue_prompt, loop_prompt = prompts
        self._continue, self._loop = continue_prompt.text(), loop_prompt.text()
        self._sampling = sampling
        self._progress = progress
        self._fixed = {"entity_types": ", ".join(entity_types)}
        self._language = language
        self._max_gleanings = max_gleanings
        self._open = 0
        self._over = over
        self._examples = ExampleNames("", form.parse_gleaning)
        self.extractions: dict[int, Extraction] = {}

    def requests(self, units: Sequence[TextUnit]) -> Iterator[Request]:
        """One request for each text unit; their follow-ups are the gleanings."""
        self._progress.begin(STAGE, len(units))
        self._open += len(units)
        instructions = self._prompt.instructions.format(**self._fixed)
        self._examples = ExampleNames(instructions, self._form.parse_gleaning, units)
        return (self._request(unit) for unit in units)

    def finished(self) -> bool:
        """True when every text unit is done with."""
        return self._open == 0

    def _request(self, unit: TextUnit) -> Request:
        messages = self._prompt.messages(self._language, input_text=unit.text, **self._fixed)
        question = ChatQuestion(
            "extract", self._model, messages, self._form.parse, self._sampling, self._form.schema, parts_count=True
        )
        return Request(STAGE, unit.id, question, partial(self._extracted, unit, question, 0, True))

    def _extracted(
        self, unit: TextUnit, question: ChatQuestion, gleanings: int, cached: bool, outcome: Outcome
    ) -> Iterable[Request]:
        if isinstance(outcome, Failed):
            return self._done(unit, cached, failed=True)
        assert outcome.content is not None
        cached = cached and outcome.cached
        found = self._examples.without(outcome.value, unit.text)
        self._progress.records_read(found.kept, found.dropped, found.mended)
        self.extractions.setdefault(unit.number, Extraction()).add(found)
        # an answer cut off at the limit goes on with one gleaning more than asked for
        wanted = max(self._max_gleanings, 1) if outcome.truncated else self._max_gleanings
        if gleanings >= wanted:
            return self._done(unit, cached)
        if gleanings == 0:
            return [self._glean(unit, question, outcome.content, gleanings, cached)]
        loop = question.followed_by(
            outcome.content, self._loop, purpose="glean_check", parse=parse_yes_or_no, schema=None
        )
        answer = partial(self._checked, unit, question, outcome.content, gleanings, cached)
        return [Request(STAGE, unit.id, loop, answer, priority=-1)]

    def _checked(
        self, unit: TextUnit, question: ChatQuestion, content: str, gleanings: int, cached: bool, outcome: Outcome
    ) -> Iterable[Request]:
        if isinstance(outcome, Failed):
            return self._done(unit, cached, failed=True)
        cached = cached and outcome.cached
        if outcome.value:
            return [self._glean(unit, question, content, gleanings, cached)]
        return self._done(unit, cached)

    def _glean(self, unit: TextUnit, question: ChatQuestion, content: str, gleanings: int, cached: bool) -> Request:
        more = question.followed_by(content, self._continue, purpose="glean", parse=self._form.parse_gleaning)
        # a text unit that has been begun is finished first: its entities are what later stages wait for
        return Request(STAGE, unit.id, more, partial(self._extracted, unit, more, gleanings + 1, cached), priority=-1)

    def _done(self, unit: TextUnit, cached: bool, failed: bool = False) -> Iterable[Request]:
        self._open -= 1
        if self._over is not None:
            self._over(unit.number, self.extractions.pop(unit.number, None))
        self._progress.item_done(STAGE, cached=cached and not failed, failed=failed)
        return ()


def parse_yes_or_no(text: str) -> bool:
    """True when the answer is yes."""
    return text.strip().lstrip("*_\"'( ").upper().startswith("Y")
