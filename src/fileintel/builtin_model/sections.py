"""The data of a request: tagged text, CSV sections between `<data>` and `</data>`, the question behind them."""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

Row = dict[str, str]
Message = Mapping[str, Any]

LARGEST_FIELD = 64 * 1024 * 1024  # characters of one CSV field
LONGEST_HEADER = 80  # characters of a line like "-----Entities-----"
# The columns of a section, by position, when its header line is missing.
COLUMNS = {
    "reports": ("id", "title", "content"),
    "entities": ("id", "title", "type", "description", "degree"),
    "claims": ("id", "subject", "object", "type", "status", "description"),
    "relationships": ("id", "source", "target", "description", "weight", "combined_degree"),
    "sources": ("id", "document", "pages", "text"),
    "points": ("id", "score", "description"),
}
_SECTION = re.compile(r"^\s*(?:-{3,}|#{1,4})\s*([^\W\d_]+)\s*-*\s*$")
_QUESTION = re.compile(r"^[ \t]*(?:\*\*)?Question:(?:\*\*)?[ \t]*", re.MULTILINE | re.IGNORECASE)
_TYPES = re.compile(r"^[^\w\n]*entity[ _]types?[^\w\n]{0,9}?:[ \t]*(.+)$", re.IGNORECASE | re.MULTILINE)


def content_of(message: Message) -> str:
    """Return the text of a message, whose content may be a string or a list of parts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        return ""
    texts = [part.get("text") for part in content if isinstance(part, Mapping)]
    return "\n".join(text for text in texts if isinstance(text, str))


def texts_of(messages: Sequence[Message], role: str) -> list[str]:
    """Return the texts of all messages of a role, in order."""
    return [content_of(message) for message in messages if message.get("role") == role]


def data_message(messages: Sequence[Message], mark: str) -> str:
    """The first user message that holds `mark`, or else the first user message; later turns are about the answer."""
    texts = texts_of(messages, "user")
    return next((text for text in texts if mark in text), texts[0] if texts else "")


def tagged(text: str, tag: str) -> str:
    """Return what stands between `<tag>` and the last `</tag>`; the whole text if the tags are missing."""
    start = text.find(f"<{tag}>")
    if start < 0:
        return text
    start += len(tag) + 2
    end = text.rfind(f"</{tag}>")
    return text[start:end] if end >= start else text[start:]


def question_of(text: str) -> str:
    """Return what follows the last `Question:`, or else what follows the data, or else the whole text."""
    after = text[text.rfind("</data>") + len("</data>") :] if "</data>" in text else text
    found = list(_QUESTION.finditer(after))
    return (after[found[-1].end() :] if found else after).strip()


def entity_types(messages: Sequence[Message]) -> list[str]:
    """Return the entity types that the prompt offers, in its order; empty if it names none."""
    for message in messages:
        found = _TYPES.search(content_of(message))
        if found:
            names = (name.strip(" \t\"'[](){}.*`") for name in re.split(r"[,;|/]", found.group(1)))
            return [name for name in names if name]
    return []


def sections(text: str) -> dict[str, list[Row]]:
    """Return the CSV sections of the data in `text`, as rows by column; names of sections and columns in lower case."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    quotes = 0  # an odd number: inside a quoted field, where a line of dashes means nothing
    for line in tagged(text, "data").replace("\r\n", "\n").replace("\x00", "").split("\n"):
        header = _SECTION.match(line) if quotes % 2 == 0 and len(line) < LONGEST_HEADER else None
        if header and header.group(1).lower() in COLUMNS:
            current = found.setdefault(header.group(1).lower(), [])
            quotes = 0
        elif current is not None:
            current.append(line)
            quotes += line.count('"')
    return {name: _rows(name, "\n".join(lines)) for name, lines in found.items()}


def _rows(section: str, text: str) -> list[Row]:
    csv.field_size_limit(LARGEST_FIELD)
    try:
        records = [record for record in csv.reader(io.StringIO(text.strip("\n"))) if any(record)]
    except csv.Error:
        return []
    if not records:
        return []
    columns: Sequence[str] = [column.strip().lower() for column in records[0]]
    if "id" in columns:
        records = records[1:]
    else:
        columns = COLUMNS[section]
    return [
        {column: record[at].strip() if at < len(record) else "" for at, column in enumerate(columns)}
        for record in records
    ]


def name_and_descriptions(text: str) -> tuple[str, list[str]]:
    """Return the `Name:` line and the JSON list behind `Descriptions:`; lines, if it is not JSON."""
    name = re.search(r"^[ \t]*(?:Name|Names|Entity|Relationship):[ \t]*(.*)$", text, re.MULTILINE)
    head, mark, rest = text.partition("Descriptions:")
    if not mark:
        return (name.group(1).strip() if name else ""), [line for line in head.split("\n") if line.strip()]
    start = rest.find("[")
    try:
        value = json.JSONDecoder().raw_decode(rest[start:])[0] if start >= 0 else None
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, list):
        listed = [item for item in value if isinstance(item, str)]
    else:
        listed = [line.strip(" \t-*") for line in rest.split("\n") if line.strip()]
    return (name.group(1).strip() if name else ""), listed


def number(text: str, default: float = 0.0) -> float:
    """`text` as a finite number, or `default`."""
    try:
        value = float(text)
    except ValueError:
        return default
    return value if -1e12 < value < 1e12 else default
