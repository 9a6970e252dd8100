"""Answers of the shapes that FileIntel and graphrag ask for, made of the names in the text and of hashes.

Every answer carries a mark (`Q` and twelve hexadecimal digits). A later prompt that holds the mark rests on that
answer: this is how the dependencies between the questions of a run are found, whatever program asked them.
"""

import json
import math
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

MARK = re.compile(r"\bQ[0-9a-f]{12}\b")
_NAME = re.compile(r"\b[A-Z][a-z]+ [A-Z][a-z]+\b")  # the generated collections name people and places like this
FIRST_NAMES = 9  # entities in an extraction
MORE_NAMES = 4  # entities in a gleaning
BASE_VECTORS = 256
_KINDS = ("PERSON", "ORGANIZATION", "GEO", "EVENT")

# How graphrag's prompts begin or end; FileIntel says the purpose in a header.
_TOLD_BY = (
    ("glean", "MANY entities and relationships were missed"),
    ("glean_check", "Answer Y if there are still entities"),
    ("report", "Write a comprehensive report of a community"),
    ("describe", "responsible for generating a comprehensive summary"),
    ("extract", "identify all entities of those types"),
)


def purpose_of(messages: Sequence[dict[str, Any]]) -> str:
    """What graphrag asks for, told by the last message, else by the first."""
    for message in (messages[-1], messages[0]):
        for purpose, words in _TOLD_BY:
            if words in str(message["content"]):
                return purpose
    return "chat"


def mark_of(identity: bytes) -> str:
    """The mark of the answer to a question."""
    return "Q" + identity[:6].hex()


def answer(
    purpose: str, messages: Sequence[dict[str, Any]], identity: bytes, schema: dict[str, Any] | None = None
) -> str:
    """The answer to a question: the same for the same messages. A JSON schema is followed, as vLLM does."""
    mark, seed = mark_of(identity), int.from_bytes(identity[:4], "big")
    if purpose in ("extract", "glean"):
        names = _names(messages)
        names = names[:FIRST_NAMES] if purpose == "extract" else names[FIRST_NAMES : FIRST_NAMES + MORE_NAMES]
        return _records(names, mark, seed) if schema is None else _json_records(names, mark, seed)
    if purpose in ("glean_check", "claims_glean_check"):
        return "N"
    if purpose in ("claims", "claims_glean"):
        return "<|COMPLETE|>"
    if purpose == "report":
        return _report(mark, seed)
    if schema is not None:
        return json.dumps(_following(schema, mark))
    told = f"What several passages say about it, told in one piece and a little shorter, see {mark}. "
    return told * 3


def vector(identity: bytes, dimensions: int) -> str:
    """One of a few fixed unit vectors, as a JSON list."""
    return _vector(identity[0], dimensions)


def _names(messages: Sequence[dict[str, Any]]) -> list[str]:
    """The names in the text that is to be read: in the first message, or in the user's first where there are two."""
    content = next(str(message["content"]) for message in messages if message["role"] == "user")
    for before in ("<text>", "\nText: "):  # FileIntel's prompt and graphrag's, whose examples hold names too
        content = content.rpartition(before)[2]
    return list(dict.fromkeys(_NAME.findall(content)))


def _records(names: Sequence[str], mark: str, seed: int) -> str:
    records = [
        f'("entity"<|>{name.upper()}<|>{_KINDS[len(name) % 4]}<|>{name} plays a part in what passage {mark} tells.)'
        for name in names
    ]
    records += [
        f'("relationship"<|>{one.upper()}<|>{other.upper()}<|>{one} meets {other} in passage {mark}.<|>{1 + seed % 9})'
        for one, other in pairwise(names)
    ]
    return "\n##\n".join(records) + "\n<|COMPLETE|>"


def _json_records(names: Sequence[str], mark: str, seed: int) -> str:
    entities = [
        {
            "name": name,
            "type": _KINDS[len(name) % 4],
            "description": f"{name} plays a part in what passage {mark} tells.",
        }
        for name in names
    ]
    relationships = [
        {
            "source": one,
            "target": other,
            "description": f"{one} meets {other} in passage {mark}.",
            "strength": 1 + seed % 9,
        }
        for one, other in pairwise(names)
    ]
    return json.dumps({"entities": entities, "relationships": relationships})


def _following(schema: dict[str, Any], mark: str) -> Any:
    """The least that follows a schema; a text is the mark."""
    kind = schema.get("type")
    if "enum" in schema:
        return schema["enum"][0]
    if kind == "object":
        return {name: _following(each, mark) for name, each in schema.get("properties", {}).items()}
    return {"array": [], "string": mark, "boolean": False}.get(kind, 0)


def _report(mark: str, seed: int) -> str:
    findings = [
        {"summary": f"Finding {at} of {mark}", "explanation": "What was found there, at some length. " * 8}
        for at in range(4)
    ]
    return json.dumps(
        {
            "title": f"Community {mark}",
            "summary": f"This is the summary of the community {mark}. " * 4,
            "rating": float(seed % 11),
            "rating_explanation": "A simulated rating.",
            "findings": findings,
        }
    )


@lru_cache(maxsize=4 * BASE_VECTORS)
def _vector(number: int, dimensions: int) -> str:
    values = [math.sin(1.0 + number * 12.9898 + at * 78.233) for at in range(dimensions)]
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return json.dumps([round(value / length, 6) for value in values])
