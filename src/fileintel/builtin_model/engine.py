"""The built-in model itself: answers to chat requests by their purpose, and embeddings. Pure and deterministic."""

import json
from collections.abc import Callable, Sequence

from fileintel.builtin_model import (
    describe,
    extract,
    kinds,
    metadata,
    profile,
    prose,
    questions,
    ranking,
    report,
    sections,
    vectors,
)

MODEL = "fileintel-extractive"
DIMENSIONS = vectors.DIMENSIONS
SUMMARY_SENTENCES, SUMMARY_LENGTH = 5, 1200  # characters
LONGEST_TEXT = 400_000  # characters of one message that are read; a text unit has about 5000

Message = sections.Message


def answer(purpose: str | None, messages: Sequence[Message], schema_name: str | None = None) -> str:
    """Return the answer to a chat request.

    `purpose` is the value of the header `X-FileIntel-Purpose`; without a known one, the name of the JSON schema may
    tell what is wanted; and else the answer is a summary of the last user message, as JSON if a schema was given.
    """
    known = _ANSWERS.get(purpose or "") or _by_schema(schema_name)
    if known:
        return known(messages)
    summary = _summary(messages)
    return json.dumps({"summary": summary}, ensure_ascii=False) if schema_name else summary


def embed(texts: Sequence[str], dimensions: int = DIMENSIONS) -> list[list[float]]:
    """Return a unit vector for each text."""
    return [vectors.embed(text[:LONGEST_TEXT], dimensions) for text in texts]


def text_of(message: Message) -> str:
    """Return the text of one message, whose content may be a string or a list of parts."""
    return sections.content_of(message)


def _text(messages: Sequence[Message]) -> str:
    return sections.tagged(sections.data_message(messages, "<text>"), "text")[:LONGEST_TEXT]


def _data(messages: Sequence[Message]) -> str:
    return sections.data_message(messages, "<data>")


def _types(messages: Sequence[Message]) -> Sequence[str]:
    return sections.entity_types(messages) or kinds.DEFAULT_TYPES


def _extract(messages: Sequence[Message]) -> str:
    return extract.extract(_text(messages), _types(messages))


def _glean(messages: Sequence[Message]) -> str:
    return extract.glean(_text(messages), _types(messages), sections.texts_of(messages, "assistant"))


def _glean_check(messages: Sequence[Message]) -> str:
    more = extract.more_to_glean(_text(messages), sections.texts_of(messages, "assistant"))
    return "Y" if more else "N"


def _describe(messages: Sequence[Message]) -> str:
    name, descriptions = sections.name_and_descriptions(sections.data_message(messages, "Descriptions:"))
    return describe.describe(name, descriptions)


def _formed(messages: Sequence[Message], answer: str) -> str:
    """Return an answer in the form that the instructions ask for."""
    return questions.formed("\n".join(sections.texts_of(messages, "system")), answer)


def _summary(messages: Sequence[Message]) -> str:
    texts = sections.texts_of(messages, "user")
    text = prose.plain(texts[-1] if texts else "")[:LONGEST_TEXT]
    found = ranking.statements(text)
    return ranking.summary(found, SUMMARY_SENTENCES, SUMMARY_LENGTH) or " ".join(text.split())[:SUMMARY_LENGTH]


_ANSWERS: dict[str, Callable[[Sequence[Message]], str]] = {
    "extract": _extract,
    "glean": _glean,
    "glean_check": _glean_check,
    "describe": _describe,
    "claims": lambda messages: extract.claims(_text(messages)),
    "claims_glean": lambda _: extract.no_more_claims(),
    "claims_glean_check": lambda _: "N",
    "report": lambda messages: report.report(_data(messages)),
    "metadata": lambda messages: metadata.metadata(_text(messages)),
    "passage_answer": lambda messages: _formed(messages, questions.local_answer(_data(messages))),
    "local_answer": lambda messages: _formed(messages, questions.local_answer(_data(messages))),
    "global_map": lambda messages: questions.global_map(_data(messages)),
    "global_rate": lambda messages: questions.global_rate(_data(messages)),
    "global_reduce": lambda messages: _formed(messages, questions.global_reduce(_data(messages))),
    "drift_primer": lambda messages: questions.step(_data(messages)),
    "drift_local": lambda messages: questions.step(_data(messages)),
    "drift_reduce": lambda messages: _formed(messages, questions.global_reduce(_data(messages))),
    "tune_profile": lambda messages: profile.profile(sections.tagged(_data(messages), "data")[:LONGEST_TEXT]),
}


def _by_schema(schema_name: str | None) -> Callable[[Sequence[Message]], str] | None:
    name = (schema_name or "").lower()
    if "report" in name:
        return _ANSWERS["report"]
    if "metadata" in name:
        return _ANSWERS["metadata"]
    return _ANSWERS["global_map"] if "point" in name or "map" in name else None
