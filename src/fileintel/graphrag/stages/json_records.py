"""Reading extraction answers in JSON: `{"entities": […], "relationships": […]}`, as models really write it.

A server that honours the schema sends nothing else. What others send is read as far as it goes: where the whole is
damaged, each record is read by itself, so that a bad one costs no good neighbour.
"""

import json
import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from fileintel.graphrag.stages.extract_records import CUT_OFF, WELL_WRITTEN, Extraction
from fileintel.llm.json_answers import DEEPEST_NESTING, mended, missing_end, nesting_depth, strip_fence
from fileintel.llm.json_escapes import with_sound_escapes
from fileintel.llm.questions import AnswerForm, InvalidAnswer, Schema

REPAIRED = "record whose JSON was repaired"
UNREADABLE = "record whose JSON cannot be read"

# how models name the lists and the fields, the usual name first; of several for one thing, the first that says anything
_SECTIONS = {
    "entities": ("entities", "nodes", "entity_list", "entity"),
    "relationships": ("relationships", "relations", "edges", "triples", "links", "relationship"),
}
_NAME = (
    "name",
    "entity_name",
    "entity",
    "title",
    "entity_title",
    "label",
    "node",
    "term",
    "key",
    "id",
    "text",
    "value",
)
_TYPE = ("type", "entity_type", "category", "class", "kind", "group", "label")
_DESCRIPTION = ("description", "entity_description", "desc", "summary", "definition", "details", "explanation", "info")
_SOURCE = ("source", "source_entity", "from", "head", "subject", "source_name", "source_id", "start", "src", "entity1")
_TARGET = ("target", "target_entity", "to", "tail", "object", "target_name", "target_id", "end", "dst", "entity2")
_RELATION = (
    "description",
    "relationship_description",
    "desc",
    "relation",
    "relationship",
    "predicate",
    "label",
    "type",
)
_STRENGTH = ("strength", "relationship_strength", "weight", "score")
_KEYS = dict.fromkeys(_NAME + _TYPE + _DESCRIPTION + _SOURCE + _TARGET + _STRENGTH)
_RECORD = re.compile(rf"""\{{\s{{0,200}}["'“”](?:{"|".join(_KEYS)})["'“”]\s{{0,9}}:""", re.IGNORECASE)
MOST_WRAPPERS = 3  # objects around the one that holds the lists


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
    if extraction.kept:
        return extraction
    if bad := sorted(set(extraction.dropped) - WELL_WRITTEN):
        raise InvalidAnswer(f"it holds no record that can be read: {bad[0]}")
    if not found:
        raise InvalidAnswer('it holds no JSON object with the lists "entities" and "relationships"')
    return extraction


def parse_gleaning(text: str) -> Extraction:
    """The records of a gleaning; one that finds nothing may say so in its own words."""
    return _read(text)[0]


def flaw(text: str, extraction: Extraction) -> str | None:
    """What an answer lacks to be whole: the end of its JSON, or a list of which some record can be read."""
    if extraction.unreadable:
        return f'no record of its list "{extraction.unreadable[0]}" can be read'
    return missing_end(text)


RECORDS, GLEANING = AnswerForm(parse_records, flaw), AnswerForm(parse_gleaning, flaw)


def _read(text: str) -> tuple[Extraction, bool]:
    """What an answer says, and whether it has the form that was asked for."""
    extraction = Extraction()
    extraction.note_fence(text)
    text = with_sound_escapes(strip_fence(text))
    sections, rest = _sections(text)
    names = _names_by_id(sections)
    for section, entries in sections.items():
        before = extraction.kept, sum(extraction.dropped[reason] for reason in WELL_WRITTEN)
        for entry in entries:
            _take(entry, section, extraction, names)
        after = extraction.kept, sum(extraction.dropped[reason] for reason in WELL_WRITTEN)
        if entries and before == after:
            extraction.unreadable.append(section)
    starts = [match.start() for match in _RECORD.finditer(rest)]
    for start, end in pairwise([*starts, len(rest)]):
        _take_damaged(rest[start:end], end == len(rest), extraction)
    return extraction, bool(sections)


def _decoded(text: str, start: int) -> tuple[Any, int] | None:
    """The sound JSON that begins at a place, and its end."""
    if nesting_depth(text) > DEEPEST_NESTING:
        return None
    try:
        return json.JSONDecoder(strict=False).raw_decode(text, start)
    except (ValueError, RecursionError):
        return None


def _sections(text: str) -> tuple[dict[str, list[Any]], str]:
    """The lists of an answer that is sound JSON, and what stands behind it; nothing and all of it, of another one."""
    start = text.find("{")
    decoded = _decoded(text, start) if start >= 0 else None
    if decoded is None:
        return {}, text
    found, end = decoded
    for _ in range(MOST_WRAPPERS):
        named = {str(name).strip().lower(): value for name, value in found.items()}
        sections = {
            section: _entries(named[name])
            for section, names in _SECTIONS.items()
            for name in names
            if isinstance(named.get(name), list | Mapping)
        }
        if sections:
            return sections, text[end:]
        inner = [value for value in named.values() if isinstance(value, Mapping)]
        if len(inner) != 1:
            break
        found = inner[0]
    return {}, text


def _entries(value: list[Any] | Mapping[Any, Any]) -> list[Any]:
    """The records of a list, or of an object that has them under their names."""
    if isinstance(value, list):
        return value
    if _fields(value).keys() & {"source", "name"}:
        return [value]  # a single record without its list
    return [
        {"name": name, **entry} if isinstance(entry, Mapping) else {"name": name, "description": entry}
        for name, entry in value.items()
    ]


def _names_by_id(sections: Mapping[str, list[Any]]) -> dict[str, str]:
    """The names of entities that have an id beside their name, by which relationships may call them."""
    names = {}
    for entry in sections.get("entities", ()):
        if isinstance(entry, Mapping) and (identity := _as_text(entry.get("id"))):
            name = _fields(entry).get("name", "")
            if name and name != identity:
                names[identity] = name
    return names


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
    fields = _fields(entry)
    is_relationship = not fields.keys().isdisjoint(("source", "target", "strength"))
    last = next(reversed(fields), "")
    needed = {"source", "target", "description"} if is_relationship else {"name", "description"}
    if not needed <= fields.keys() or last not in ("description", "strength"):
        extraction.dropped["relationship cut off" if is_relationship else "entity cut off"] += 1
        return
    if last == "strength":
        del fields["strength"]  # the 1 may be the beginning of a 10
    extraction.mended[CUT_OFF] += 1
    _take(fields, "", extraction)


def _take(entry: Any, section: str, extraction: Extraction, names: Mapping[str, str] | None = None) -> None:
    if not isinstance(entry, Mapping):
        extraction.dropped["record that is no JSON object"] += 1
        return
    fields = _fields(entry)
    if fields.keys() & {"source", "target"} or (section == "relationships" and "name" not in fields):
        ends = [fields.get(end, "") for end in ("source", "target")]
        source, target = [names.get(end, end) if names else end for end in ends]
        extraction.add_relationship(source, target, fields.get("description", ""), fields.get("strength"))
    elif "name" in fields or section == "entities":
        extraction.add_entity(fields.get("name", ""), fields.get("type", ""), fields.get("description", ""))
    else:
        extraction.dropped["record of an unknown kind"] += 1


def _fields(entry: Mapping[Any, Any]) -> dict[str, str]:
    """The fields under their usual names, as texts, in the order of the record."""
    given = {str(key).strip().lower(): text for key, value in entry.items() if (text := _as_text(value))}
    is_relationship = not given.keys().isdisjoint(_SOURCE) and not given.keys().isdisjoint(_TARGET)
    wanted = (
        {"source": _SOURCE, "target": _TARGET, "description": _RELATION, "strength": _STRENGTH}
        if is_relationship
        else {"source": _SOURCE[:2], "target": _TARGET[:2], "name": _NAME, "type": _TYPE, "description": _DESCRIPTION}
    )
    if "id" in given and given.keys().isdisjoint(_TYPE[:-1]):  # as of a graph database, whose label is the type
        wanted = {"type": _TYPE, **wanted}
    used: dict[str, str] = {}  # the key of the record by the usual name
    for name, keys in wanted.items():
        key = next((key for key in keys if key in given and key not in used.values()), None)
        if key is not None:
            used[name] = key
    order = list(given)
    fields = {name: given[key] for name, key in sorted(used.items(), key=lambda each: order.index(each[1]))}
    if not is_relationship and "strength" not in fields and (key := next((k for k in _STRENGTH if k in given), None)):
        fields["strength"] = given[key]
    return fields


def _as_text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(filter(None, map(_as_text, value)))
    if value is None or isinstance(value, bool | Mapping):
        return ""
    return str(value)[:1_000_000]
