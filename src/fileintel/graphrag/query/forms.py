"""The form of an answer: how the model is asked for it, and whether it has kept to it.

A line of its own without a citation is accepted in place of a list or a table: so a model says that the data do not
hold the answer.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fileintel.errors import UsageError
from fileintel.llm.json_answers import read_object, strip_fence
from fileintel.llm.questions import InvalidAnswer, Schema

DEFAULT = "default"
JSON = "json"
LARGEST_SCHEMA = 20_000  # characters
LONGEST_PROBLEM = 120  # characters, of what is wrong with an answer in JSON
# a pattern is matched where all questions of a worker are answered, and one that backtracks would stop them all
REFUSED_KEYWORDS = ("pattern", "patternProperties")

_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s+\S")
_MARK = re.compile(r"\s*(?:[-*+•]\s|\d{1,3}[.)]\s|#{1,6}\s|\|)")
_TABLE_RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*")
_CITATION = re.compile(r"\[[A-Z]\d+")


@dataclass(frozen=True)
class Formed:
    """An answer of the form asked for; `data` is what it holds where that is JSON."""

    text: str
    data: Any = None


@dataclass(frozen=True)
class Form:
    """A form that can be asked for.

    Parameters:
      words: how the prompt names it; None leaves that to the settings.
      parse: checks an answer; raises InvalidAnswer with what is wrong.
      whole: it is of use only as a whole, so it is not told while it is written.
    """

    name: str
    words: str | None
    parse: Callable[[str], Formed]
    schema: Schema | None = None
    whole: bool = False


def form(name: str, schema: Mapping[str, Any] | None = None) -> Form:
    """The form of that name; `schema` is the JSON schema of answers in JSON.

    Raises:
      UsageError: there is no such form, or the schema cannot be used.
    """
    if name == JSON:
        return _json_form(dict(schema) if schema is not None else None)
    if schema is not None:
        raise UsageError(f"a schema is for answers of the form {JSON!r}, not {name!r}")
    if name not in FORMS:
        raise UsageError(f"there is no answer form {name!r}: use one of {', '.join(NAMES)}")
    return FORMS[name]


def as_data(text: str, name: str) -> Any:
    """What a checked answer of this form holds; nothing where a sentence of ours stands in its place."""
    try:
        return json.loads(text) if name == JSON else None
    except ValueError:
        return None


def _anything(text: str) -> Formed:
    return Formed(text.strip())


def _paragraph(text: str) -> Formed:
    text = strip_fence(text).strip()
    if re.search(r"\n\s*\n", text) or any(map(_MARK.match, text.split("\n"))):
        raise InvalidAnswer("it is not a single paragraph without lists, headings and tables")
    return Formed(" ".join(text.split()))


def _list(text: str) -> Formed:
    text = strip_fence(text).strip()
    lines = [line for line in text.split("\n") if line.strip()]
    odd = [place for place, line in enumerate(lines) if not _ITEM.match(line) and not line.startswith((" ", "\t"))]
    # one line may lead in
    if not _says_nothing(lines) and (len(odd) == len(lines) or odd not in ([], [0])):
        raise InvalidAnswer("it is not a list, each item on a line of its own that begins with '- '")
    return Formed(text)


def _table(text: str) -> Formed:
    text = strip_fence(text).strip()
    lines = [line for line in text.split("\n") if line.strip()]
    table = lines[next((place for place, line in enumerate(lines) if "|" in line), len(lines)) :]
    sound = len(table) >= 2 and bool(_TABLE_RULE.fullmatch(table[1])) and all("|" in line for line in table)
    if not _says_nothing(lines) and not (sound and len(lines) - len(table) <= 1):
        raise InvalidAnswer("it is not a Markdown table: a row of headings, a row of dashes, and rows with '|'")
    return Formed(text)


def _says_nothing(lines: list[str]) -> bool:
    return len(lines) == 1 and not _CITATION.search(lines[0])


def _json_form(schema: dict[str, Any] | None) -> Form:
    words = "one JSON value and nothing else, with the citations inside of its texts"
    if schema is None:
        return Form(JSON, words, lambda text: _dumped(_read(text)), whole=True)
    shown = _checked(schema)

    def parse(text: str) -> Formed:
        data = _read(text)
        _validate(schema, data)
        return _dumped(data)

    return Form(JSON, f"{words}. It must follow this JSON schema: {shown}", parse, Schema("answer", schema), whole=True)


def _checked(schema: dict[str, Any]) -> str:
    """The schema as text, if it is one that can be used.

    Raises:
      UsageError: it cannot.
    """
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
    from jsonschema.exceptions import SchemaError  # type: ignore[import-untyped]

    shown = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    if len(shown) > LARGEST_SCHEMA:
        raise UsageError(f"the JSON schema has {len(shown):,} characters, of {LARGEST_SCHEMA:,} that it may have")
    if refused := next((word for word in REFUSED_KEYWORDS if f'"{word}":' in shown), None):
        raise UsageError(f"the JSON schema may not use {refused!r}: name the values with `enum`, or leave it out")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise UsageError(f"the JSON schema is none: {error.message}") from error
    return shown


def _validate(schema: dict[str, Any], data: Any) -> None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    # with a registry of its own it fetches nothing from where a `$ref` points to
    validator = Draft202012Validator(schema, registry=Registry())
    try:
        error = best_match(validator.iter_errors(data))
    except Unresolvable as unresolvable:
        raise InvalidAnswer(f"the schema refers to {unresolvable.ref}, which is not part of it") from unresolvable
    if error is not None:
        problem = error.message
        if len(problem) > LONGEST_PROBLEM:  # it begins with all that stands there
            problem = f"what stands there does not fit {json.dumps({error.validator: error.validator_value})[:300]}"
        raise InvalidAnswer(f"it does not follow the JSON schema: {error.json_path}: {problem}")


def _read(text: str) -> Any:
    try:
        return json.loads(strip_fence(text))
    except (ValueError, RecursionError):
        return read_object(text)


def _dumped(data: Any) -> Formed:
    return Formed(json.dumps(data, ensure_ascii=False), data)


FORMS = {
    one.name: one
    for one in (
        Form(DEFAULT, None, _anything),
        Form("paragraph", "a single paragraph, without lists, headings and tables", _paragraph),
        Form("list", "a list, each item on a line of its own that begins with '- ', and nothing else", _list),
        Form("table", "a Markdown table: a row of headings, a row of dashes, then the rows; nothing else", _table),
        Form("markdown", "Markdown, with headings, lists and tables where they help", _anything),
    )
}
NAMES = (*FORMS, JSON)
