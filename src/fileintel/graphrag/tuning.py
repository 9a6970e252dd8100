"""Fitting prompts to a collection: what it is about, in which language, what to look for, and an example from it.

As upstream's prompt-tune does (`graphrag.api.prompt_tune`), with one question where it asks five, and one extraction
for each example passage. What comes out are prompts like the shipped ones, with a sentence about the domain and with
the examples in place of the invented one.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from fileintel.graphrag.model import TextUnit
from fileintel.graphrag.prompts import PromptKind, PromptLibrary
from fileintel.graphrag.stages.examples import ExampleNames
from fileintel.graphrag.stages.extract_records import EntityRecord, Extraction, RelationshipRecord
from fileintel.graphrag.stages.formats import EXTRACT, EXTRACT_JSON
from fileintel.graphrag.stages.records import clean_text, merge_key
from fileintel.graphrag.stages.report import REPORT
from fileintel.graphrag.stages.tuple_records import parse_gleaning, parse_records
from fileintel.graphrag.tables import on_one_line
from fileintel.llm.json_answers import read_object
from fileintel.llm.questions import ChatQuestion, InvalidAnswer, Sampling, Schema
from fileintel.storable import storable

TUNE_PROFILE = PromptKind("tune_profile.txt", data=("excerpts",))
EXCERPTS = 12
EXCERPT_TOKENS = 250
EXAMPLES = 2
EXAMPLE_TOKENS = 300
MOST_ENTITIES, MOST_RELATIONSHIPS = 8, 6  # of one example: it shows the form, every question pays for it
MOST_TYPES = 20
MOST_LANGUAGES = 4  # a language that a quarter of the collection is in is one of four at most
LONGEST_TYPE, LONGEST_DOMAIN, LONGEST_LANGUAGE = 60, 500, 60  # characters

SCHEMA = Schema(
    "tune_profile",
    {
        "type": "object",
        "properties": {
            "domain": {"type": "string"},
            "languages": {"type": "array", "items": {"type": "string"}},
            "entity_types": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["domain", "languages", "entity_types"],
        "additionalProperties": False,
    },
)
_EXAMPLE = re.compile(r"\n\nExample of the form.*?(?=\n\nEntity types: \{entity_types\})", re.DOTALL)
# Where no language is given, models turn to English; a language for all would translate half of the texts.
OWN_LANGUAGE = "write in the one of these languages in which most of the text that you are given is."

Truncate = Callable[[str, int], str]


@dataclass(frozen=True)
class Profile:
    """What a collection is about, the languages that much of it is in, and what to look for in it."""

    domain: str
    languages: tuple[str, ...]
    entity_types: tuple[str, ...]

    @property
    def language(self) -> str:
        """The languages in words."""
        *others, last = self.languages
        return f"{', '.join(others)} and {last}" if others else last

    @property
    def sole_language(self) -> str | None:
        """The language that all is to be written in; None where that of the texts is better."""
        return self.languages[0] if len(self.languages) == 1 else None


@dataclass(frozen=True)
class Example:
    """A passage of the collection, and what is to be made of it."""

    passage: str
    extraction: Extraction


def spread(units: Sequence[TextUnit], count: int) -> list[TextUnit]:
    """Up to `count` text units, evenly over the collection, always the same ones."""
    if len(units) <= count:
        return list(units)
    return [units[(2 * place + 1) * len(units) // (2 * count)] for place in range(count)]


def profile_question(
    model: str, prompts: PromptLibrary, sampling: Sampling, units: Sequence[TextUnit], truncate: Truncate
) -> ChatQuestion:
    """What the collection is about, asked of excerpts."""
    excerpts = "\n\n".join(
        f"Excerpt {number}:\n{truncate(unit.text, EXCERPT_TOKENS).strip()}"
        for number, unit in enumerate(spread(units, EXCERPTS), start=1)
    )
    messages = prompts.load(TUNE_PROFILE).messages(excerpts=excerpts)
    return ChatQuestion("tune_profile", model, messages, parse_profile, sampling, SCHEMA)


def example_questions(
    model: str,
    prompts: PromptLibrary,
    sampling: Sampling,
    units: Sequence[TextUnit],
    truncate: Truncate,
    profile: Profile,
) -> list[tuple[str, ChatQuestion]]:
    """Passages for examples, each with the question what is to be made of it."""
    prompt = prompts.load(EXTRACT)
    asked = []
    for unit in spread(units, EXAMPLES):
        passage = clean_text(on_one_line(truncate(unit.text, EXAMPLE_TOKENS)))
        messages = prompt.messages(
            profile.sole_language, input_text=passage, entity_types=", ".join(profile.entity_types)
        )
        asked.append((passage, ChatQuestion("extract", model, messages, parse_records, sampling, parts_count=True)))
    return asked


def without_invented(prompts: PromptLibrary, extraction: Extraction, passage: str) -> Extraction:
    """The extraction of a passage without names that only the prompt's own example has."""
    return ExampleNames(prompts.load(EXTRACT).instructions, parse_gleaning).without(extraction, passage)


def parse_profile(text: str) -> Profile:
    """The profile in an answer.

    Raises:
      InvalidAnswer: it lacks a part.
    """
    answer = read_object(text)
    domain = clean_text(str(answer.get("domain") or ""))
    languages = [name[:LONGEST_LANGUAGE] for name in _texts(answer.get("languages") or answer.get("language")) if name]
    named = [name.lower() for name in _texts(answer.get("entity_types"))]
    types = [name for name in dict.fromkeys(named) if name and len(name) <= LONGEST_TYPE and not set(name) & set(",{}")]
    if not domain or not languages or not types:
        lacking = "domain" if not domain else "list of languages" if not languages else "list of entity_types"
        raise InvalidAnswer(f"the JSON object has no {lacking}")
    languages = list(dict.fromkeys(languages))[:MOST_LANGUAGES]
    return Profile(domain[:LONGEST_DOMAIN], tuple(languages), tuple(types[:MOST_TYPES]))


def _texts(listed: object) -> list[str]:
    """The texts of a list; of a text that stands where a list should, that one."""
    items = [listed] if isinstance(listed, str) else listed if isinstance(listed, list) else []
    return [clean_text(item) for item in items if isinstance(item, str)]


def tuned_prompts(shipped: PromptLibrary, profile: Profile, examples: Sequence[Example]) -> dict[str, str]:
    """The prompts for the collection, by file name: the shipped ones with what was found out."""
    told = f"The documents: {_doubled(profile.domain)}"
    if profile.sole_language is None:
        told += f" They are written in {_doubled(profile.language)}: {OWN_LANGUAGE}"
    as_tuples = "".join(_shown(example, profile, _tuples(example)) for example in examples)
    as_json = "".join(_shown(example, profile, _json(example)) for example in examples)
    return {
        EXTRACT.file: _with_domain(_with_examples(shipped.text(EXTRACT), as_tuples), told),
        EXTRACT_JSON.file: _with_domain(_with_examples(shipped.text(EXTRACT_JSON), as_json), told),
        REPORT.file: _with_domain(shipped.text(REPORT), told),
    }


def _with_domain(template: str, told: str) -> str:
    """The sentence about the domain behind the first paragraph, which says what the work is."""
    first, rest = template.split("\n\n", 1)
    return f"{first}\n\n{told}\n\n{rest}"


def _with_examples(template: str, shown: str) -> str:
    return _EXAMPLE.sub(lambda _: shown, template, count=1) if shown else template


def _shown(example: Example, profile: Profile, answer: str) -> str:
    types = _doubled(", ".join(profile.entity_types))
    passage, written = _doubled(example.passage), _doubled(answer)
    return f"\n\nExample, for the entity types {types}. Text:\n{passage}\nAnswer:\n{written}"


def _tuples(example: Example) -> str:
    entities, relationships = _shortened(example.extraction)
    records = [f'("entity"<|>{e.title}<|>{e.type}<|>{e.description})' for e in entities]
    records += [f'("relationship"<|>{r.source}<|>{r.target}<|>{r.description}<|>{r.weight:g})' for r in relationships]
    return "\n##\n".join(records) + "\n<|COMPLETE|>"


def _json(example: Example) -> str:
    entities, relationships = _shortened(example.extraction)
    answer = {
        "entities": [{"name": e.title, "type": e.type, "description": e.description} for e in entities],
        "relationships": [
            {key: value for key, value in asdict(r).items() if key != "weight"} | {"strength": r.weight}
            for r in relationships
        ],
    }
    return json.dumps(answer, ensure_ascii=False)


def _shortened(extraction: Extraction) -> tuple[list[EntityRecord], list[RelationshipRecord]]:
    """The first entities, and the first relationships between them."""
    entities = extraction.entities[:MOST_ENTITIES]
    names = {merge_key(entity.title) for entity in entities}
    inside = [link for link in extraction.relationships if {merge_key(link.source), merge_key(link.target)} <= names]
    return entities, inside[:MOST_RELATIONSHIPS]


def _doubled(text: str) -> str:
    """A text as a template holds it."""
    return storable(text).replace("{", "{{").replace("}", "}}")
