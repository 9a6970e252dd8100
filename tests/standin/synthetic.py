"""Answers that cost nearly no CPU, for benchmarks: the shapes are right, the content is made of hashes."""

import json
import math
import re
import zlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from fileintel.builtin_model import sections

TOPICS = 40  # groups of names, so that communities form
NAMES_PER_TOPIC = 12
NAMES_PER_TEXT = 8
BASE_VECTORS = 256

_KINDS = ("PERSON", "ORGANIZATION", "GEO", "EVENT")
_ID = re.compile(r"^([A-Z]\d+),", re.MULTILINE)


def answer(purpose: str, messages: Sequence[dict[str, Any]], _schema_name: str | None) -> str:
    """An answer of the shape that `purpose` asks for, the same for the same messages."""
    text = sections.data_message(messages, "<")
    seed = zlib.crc32(text.encode("utf-8", "replace"))
    if purpose == "extract":
        return _extraction(seed)
    if purpose in ("glean", "claims", "claims_glean"):
        return "<|COMPLETE|>"
    if purpose.endswith("glean_check"):
        return "N"
    if purpose == "describe":
        name, descriptions = sections.name_and_descriptions(text)
        return f"{name} is merged from {len(descriptions)} descriptions, number {seed}."
    if purpose == "report":
        return _report(seed)
    if purpose == "metadata":
        return json.dumps(
            {"title": f"Document {seed}", "authors": [f"Author {seed % 97}"], "date": "", "language": "en"}
        )
    cited = ", ".join(_ID.findall(text)[:2])
    told = f"A synthetic statement, number {seed} [{cited}]." if cited else f"A synthetic statement, number {seed}."
    if purpose == "global_map":
        return json.dumps({"points": [{"description": told, "score": seed % 101}]})
    return told


def _extraction(seed: int) -> str:
    topic = seed % TOPICS
    chosen = sorted({(seed >> 3 * at) % NAMES_PER_TOPIC for at in range(NAMES_PER_TEXT)})
    names = [f"NAME {topic}-{number}" for number in chosen]
    if seed % 5 == 0:
        names.append(f"NAME {(topic + 1) % TOPICS}-0")  # ties the topics together
    records = [
        f'("entity"<|>{name}<|>{_KINDS[at % 4]}<|>{name} plays a part in passage {seed} of the collection.)'
        for at, name in enumerate(names)
    ]
    records += [
        f'("relationship"<|>{one}<|>{other}<|>{one} and {other} stand together in passage {seed}.<|>{1 + seed % 9})'
        for one, other in pairwise(names)
    ]
    return "\n##\n".join(records) + "\n<|COMPLETE|>"


def _report(seed: int) -> str:
    findings = [
        {"summary": f"Finding {at} of {seed}", "explanation": f"What was found, number {at} of {seed}. " * 4}
        for at in range(4)
    ]
    answer = {
        "title": f"Community {seed}",
        "summary": f"This is the summary of the community with the number {seed}. " * 3,
        "rating": float(seed % 11),
        "rating_explanation": "A synthetic rating.",
        "findings": findings,
    }
    return json.dumps(answer)


def embed(texts: Sequence[str], dimensions: int) -> list[list[float]]:
    """One of a few fixed unit vectors for each text."""
    return [_vector(zlib.crc32(text.encode("utf-8", "replace")) % BASE_VECTORS, dimensions) for text in texts]


@lru_cache(maxsize=4 * BASE_VECTORS)
def _vector(number: int, dimensions: int) -> list[float]:
    values = [math.sin(1.0 + number * 12.9898 + at * 78.233) for at in range(dimensions)]
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return [round(value / length, 6) for value in values]
