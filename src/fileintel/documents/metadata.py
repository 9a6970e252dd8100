"""What is known about a document: from its file, from a model, from a person; and which of these is shown."""

import re
from collections.abc import Mapping
from typing import Any

from fileintel.errors import UsageError

TEXTS = ("title", "date", "language", "document_type", "abstract")
LISTS = ("authors", "keywords")
FIELDS = ("title", "authors", "date", "language", "document_type", "abstract", "keywords")
LONGEST_TEXT = 10_000  # characters of one field
LONGEST_ENTRY = 500  # characters of one entry of a list
MOST_ENTRIES = 200

FILE, EXTRACTED, EDITED = "file", "extracted", "edited"

Metadata = dict[str, Any]  # a field's name → a text, or a list of texts

# what files say of themselves, by the names that the parsers give
_OF_FILES = {
    "author": "authors",
    "created": "date",
    "language": "language",
    "description": "abstract",
    "keywords": "keywords",
}
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T\d\d:")  # of a date only the day is of interest
_BETWEEN_NAMES = re.compile(r"\s*;\s*")
_BETWEEN_WORDS = re.compile(r"\s*[,;]\s*")


def of_file(title: str, properties: Mapping[str, Any]) -> Metadata:
    """What a file says of itself, in the fields of metadata; only what is there."""
    found: Metadata = {"title": title} if title else {}
    for name, field in _OF_FILES.items():
        value = properties.get(name)
        if isinstance(value, str) and value.strip():
            found[field] = _listed(field, value) if field in LISTS else value.strip()
    if moment := _MOMENT.match(found.get("date", "")):
        found["date"] = moment.group(1)
    return found


def shown(file: Metadata, extracted: Metadata | None, edited: Metadata) -> tuple[Metadata, dict[str, str]]:
    """The metadata that counts, and where each field of it is from: a person goes before a model, and a model before
    the file. A field that nobody knows is None, or an empty list."""
    sources = ((EDITED, edited), (EXTRACTED, extracted or {}), (FILE, file))
    metadata: Metadata = {}
    origins: dict[str, str] = {}
    for field in FIELDS:
        origin, value = next(((name, source[field]) for name, source in sources if field in source), (None, None))
        metadata[field] = [] if value is None and field in LISTS else value
        if origin is not None:
            origins[field] = origin
    return metadata, origins


def shown_title(file_title: str, extracted: Metadata | None, edited: Metadata) -> str:
    """The title that counts; the file's where a person has left it empty."""
    metadata, _ = shown({"title": file_title}, extracted, edited)
    return str(metadata["title"] or file_title)


def edited_with(edited: Metadata, changes: Mapping[str, Any]) -> Metadata:
    """A person's values with these changes: a text or a list of texts is set, None takes the person's value away.

    Raises:
      UsageError: there is nothing to change, a field is unknown, or a value is not what the field holds.
    """
    if not changes:
        raise UsageError(f"there is nothing to change: give one of {', '.join(FIELDS)}")
    result = dict(edited)
    for field, value in changes.items():
        if field not in FIELDS:
            raise UsageError(f"there is no field {field!r}: use {', '.join(FIELDS)}")
        if value is None:
            result.pop(field, None)
        else:
            result[field] = _checked_list(field, value) if field in LISTS else _checked_text(field, value)
    return result


def _cleaned(text: str) -> str:
    from fileintel.storable import storable  # not above: the command line's help shall not wait for pydantic

    return storable(text).strip()


def _checked_text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{field} is one text")
    text = _cleaned(value)
    if len(text) > LONGEST_TEXT:
        raise UsageError(f"{field} has {len(text)} characters: {LONGEST_TEXT} are allowed")
    return text


def _checked_list(field: str, value: Any) -> list[str]:
    if not isinstance(value, list | tuple) or not all(isinstance(entry, str) for entry in value):
        raise UsageError(f"{field} is a list of texts")
    entries = list(dict.fromkeys(text for entry in value if (text := _cleaned(entry))))
    if len(entries) > MOST_ENTRIES or any(len(entry) > LONGEST_ENTRY for entry in entries):
        raise UsageError(f"{field} may have {MOST_ENTRIES} entries of {LONGEST_ENTRY} characters")
    return entries


def _listed(field: str, value: str) -> list[str]:
    # "Berg, Anna" is one name, and "harbour, flood" two keywords
    parts = (_BETWEEN_WORDS if field == "keywords" else _BETWEEN_NAMES).split(value.strip())
    return [part for part in parts if part]
