"""Reading extraction answers in JSON: `{"entities": […], "relationships": […]}`, as models really write it.

A server that honours the schema sends nothing else. What others send is read as far as it goes: where the whole is
damaged, each record is read by itself, so that a bad one costs no good neighbour.
"""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from fileintel.graphrag.stages.extract_records import CUT_OFF, Extraction
from fileintel.llm.json_answers import DEEPEST_NESTING, mended, nesting_depth, strip_fence
from fileintel.llm.questions import InvalidAnswer, Schema

REPAIRED = "record whose JSON was repaired"
UNREADABLE = "record whose JSON cannot be read"

_ENTITY = {"name": "name", "title": "name", "entity": "name", "entity_name": "name"}
_COMMON = {"type": "type", "entity_type": "type", "description": "description"}
_RELATIONSHIP = {
    "source": "source", "source_entity": "source", "from": "source",
    "target": "target", "target_entity": "target", "to": "target",
    "strength": "strength", "relationship_strength": "strength", "weight": "strength",
}  # fmt: skip
_KEYS = {**_ENTITY, **_COMMON, **_RELATIONSHIP}
_RECORD = re.compile(rf"""\{{\s{{0,200}}["'“”](?:id|{"|".join(_KEYS)})["'“”]\s{{0,9}}:""", re.IGNORECASE)


def _texts(*names: str) -> dict[str, Any]:
    return {name: {"type": "string"} for name in names}


def _list_of(properties: dict[str, Any]) -> dict[str, Any]:
    item = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {"type": "array", "items": item}


SCHEMA = Schema(
    "extraction",
    {
        "type": "object",
        "properties": {
            "entities": _list_of(_texts("name", "type", "description")),
            "relationships": _list_of(_texts("source", "target", "description") | {"strength": {"type": "number"}}),
        },
        "required": ["entities", "relationships"],
        "additionalProperties": False,
    },
)


def parse_records(text: str) -> Extraction:
    """The records of an answer; what an answer that was cut off still holds is kept, as in the tuple format.

    Raises:
      InvalidAnswer: it holds no record that can be read, and no empty lists either.
    """
    extraction, found = _read(text)
    if extraction.kept or (found and not extraction.dropped):
        return extraction
    if extraction.dropped and not found:
        raise InvalidAnswer(f"it holds no record that can be read: {min(extraction.dropped)}")
    if not found:
        raise InvalidAnswer('it holds no JSON object with the lists "entities" and "relationships"')
    return extraction


def parse_gleaning(text: str) -> Extraction:
    """The records of a gleaning; one that finds nothing may say so in its own words."""
    return _read(text)[0]


def _read(text: str) -> tuple[Extraction, bool]:
    """What an answer says, and whether it has the form that was asked for."""
    extraction = Extraction()
    extraction.note_fence(text)
    text = strip_fence(text)
    whole, rest = _whole(text)
    for section, entries in whole.items():
        for entry in entries:
            _take(entry, section, extraction)
    starts = [match.start() for match in _RECORD.finditer(rest)]
    for start, end in pairwise([*starts, len(rest)]):
        _take_damaged(rest[start:end], end == len(rest), extraction)
    return extraction, bool(whole)


def _whole(text: str) -> tuple[dict[str, list[Any]], str]:
    """The lists of an answer that is sound JSON, and what stands behind it; nothing and all of it, of another one."""
    start = text.find("{")
    if start < 0 or nesting_depth(text) > DEEPEST_NESTING:
        return {}, text
    try:
        found, end = json.JSONDecoder(strict=False).raw_decode(text, start)
    except (ValueError, RecursionError):
        return {}, text
    named = {str(name).lower(): value for name, value in found.items()}
    if not named.keys() & {"entities", "relationships"}:
        return {}, text
    return {name: value for name, value in named.items() if isinstance(value, list)}, text[end:]


def _take_damaged(piece: str, last: bool, extraction: Extraction) -> None:
    """The record that `piece` begins with; `last` says that the answer may end in the middle of it."""
    try:
        found, _ = json.JSONDecoder(strict=False).raw_decode(piece)
        _take(found, "", extraction)
        return
    except (ValueError, RecursionError):
        closed = "}" in piece
    try:
        found = mended(piece) if nesting_depth(piece) <= DEEPEST_NESTING else None
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, list):  # what the repair makes of an object with something behind it
        found = next((item for item in found if isinstance(item, dict)), None)
    if not isinstance(found, dict):
        extraction.dropped[UNREADABLE] += 1
    elif last and not closed:
        _take_cut_off(found, extraction)
    else:
        extraction.mended[REPAIRED] += 1
        _take(found, "", extraction)


def _take_cut_off(entry: dict[Any, Any], extraction: Extraction) -> None:
    """A record of which the end is missing, kept if at least its description has begun: the last value is a part."""
    fields = dict(_fields(entry))
    is_relationship = not fields.keys().isdisjoint(_RELATIONSHIP.values())
    last = next(reversed(fields), "")
    needed = {"source", "target", "description"} if is_relationship else {"name", "description"}
    if not needed <= fields.keys() or last not in ("description", "strength"):
        extraction.dropped["relationship cut off" if is_relationship else "entity cut off"] += 1
        return
    if last == "strength":
        del fields["strength"]  # the 1 may be the beginning of a 10
    extraction.mended[CUT_OFF] += 1
    _take(fields, "", extraction)


def _take(entry: Any, section: str, extraction: Extraction) -> None:
    if not isinstance(entry, Mapping):
        extraction.dropped["record that is no JSON object"] += 1
        return
    fields = dict(_fields(entry))
    if fields.keys() & {"source", "target"} or (section == "relationships" and "name" not in fields):
        ends = fields.get("source", ""), fields.get("target", "")
        extraction.add_relationship(*ends, fields.get("description", ""), fields.get("strength"))
    elif "name" in fields or section == "entities":
        extraction.add_entity(fields.get("name", ""), fields.get("type", ""), fields.get("description", ""))
    else:
        extraction.dropped["record of an unknown kind"] += 1


def _fields(entry: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """The fields under their usual names, as texts; of several for one name the first that says anything."""
    seen: set[str] = set()
    for key, value in entry.items():
        name = _KEYS.get(str(key).strip().lower())
        if name and name not in seen and (text := _as_text(value)):
            seen.add(name)
            yield name, text


def _as_text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(filter(None, map(_as_text, value)))
    if value is None or isinstance(value, bool | Mapping):
        return ""
    return str(value)[:1_000_000]
