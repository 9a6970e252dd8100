"""Metadata: title, authors, date and the like of a document, asked of its beginning."""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from fileintel.documents.metadata import FIELDS, LISTS, Metadata
from fileintel.fanout.progress import Progress
from fileintel.fanout.request import Outcome, Request
from fileintel.graphrag.prompts import Prompt, PromptKind
from fileintel.llm.json_answers import read_object
from fileintel.llm.questions import Answered, ChatQuestion, InvalidAnswer, Sampling, Schema

STAGE = "metadata"
METADATA = PromptKind("extract_metadata.txt", data=("input_text",))
LONGEST = {"title": 500, "date": 50, "language": 50, "document_type": 100, "abstract": 4_000}  # characters
LONGEST_ENTRY, MOST_ENTRIES = 200, 50

SCHEMA = Schema(
    "metadata",
    {
        "type": "object",
        "properties": {
            field: {"type": "array", "items": {"type": "string"}} if field in LISTS else {"type": "string"}
            for field in FIELDS
        },
        "required": list(FIELDS),
        "additionalProperties": False,
    },
)

# what models write where they are told to write nothing
_NOTHING = frozenset({"", "unknown", "n/a", "na", "none", "null", "not specified", "not stated", "not given", "-", "?"})
_LIST_MARK = re.compile(r"\s*[;\n]\s*")
_LANGUAGE_CODE = re.compile(r"[a-z]{2,3}(?:[-_][a-z0-9]{2,8})*", re.IGNORECASE)


class MetadataStage:
    """Asks one question about each document. What was answered is given away as it comes."""

    def __init__(self, model: str, prompt: Prompt, sampling: Sampling, progress: Progress) -> None:
        self._model = model
        self._prompt = prompt
        self._sampling = sampling
        self._progress = progress
        self._found: dict[str, Metadata] = {}

    @property
    def waiting(self) -> int:
        """How many documents' metadata is there to be taken."""
        return len(self._found)

    def requests(self, beginnings: Iterable[tuple[str, str]]) -> Iterator[Request]:
        """Requests for documents: id and beginning of the text."""
        for document_id, text in beginnings:
            messages = self._prompt.messages(input_text=text)
            question = ChatQuestion("metadata", self._model, messages, parse_metadata, self._sampling, SCHEMA)
            yield Request(STAGE, document_id, question, partial(self._answered, document_id))

    def take(self) -> dict[str, Metadata]:
        """The metadata that has come since the last time, by document."""
        taken, self._found = dict(sorted(self._found.items())), {}
        return taken

    def _answered(self, document_id: str, outcome: Outcome) -> None:
        if isinstance(outcome, Answered):
            self._found[document_id] = outcome.value
            self._progress.item_done(STAGE, cached=outcome.cached)
        else:
            self._progress.item_done(STAGE, failed=True)


def parse_metadata(text: str) -> Metadata:
    """The fields of an answer that say something.

    Raises:
      InvalidAnswer: it is no object, or one with none of the fields in it.
    """
    found = {str(name).lower(): value for name, value in read_object(text).items()}
    if not set(FIELDS) & set(found):
        raise InvalidAnswer(f"the JSON object has none of the fields {', '.join(FIELDS)}")
    metadata: Metadata = {}
    for field in FIELDS:
        value = _entries(found.get(field)) if field in LISTS else _text(field, found.get(field))
        if value:
            metadata[field] = value
    return metadata


def _text(field: str, value: Any) -> str:
    if isinstance(value, list):
        value = ", ".join(str(entry) for entry in value if isinstance(entry, str | int))
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    text = " ".join(str(value).split())
    if text.lower() in _NOTHING:
        return ""
    if field == "language" and _LANGUAGE_CODE.fullmatch(text):
        text = text.lower()
    return text[: LONGEST[field]]


def _entries(value: Any) -> list[str]:
    if isinstance(value, str):
        value = _LIST_MARK.split(value)
    if not isinstance(value, list):
        return []
    entries = (" ".join(_named(entry).split())[:LONGEST_ENTRY] for entry in value)
    return list(dict.fromkeys(entry for entry in entries if entry.lower() not in _NOTHING))[:MOST_ENTRIES]


def _named(entry: Any) -> str:
    """An entry of a list; some models write {"name": …}."""
    if isinstance(entry, dict):
        entry = entry.get("name")
    return entry if isinstance(entry, str) else ""
