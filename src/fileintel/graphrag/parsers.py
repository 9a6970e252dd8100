"""Questions that can travel: what reads their answers has a name, because a function cannot be sent.

A worker that answers a question for another one stores the answer only if it can be read; so it needs the same parser.
A question whose parser has no name here is asked by the worker that has it.
"""

import json
import zlib
from collections.abc import Callable
from typing import Any

from fileintel.graphrag.stages import claims, extract, report
from fileintel.graphrag.stages.gleaning import parse_yes_or_no
from fileintel.llm.questions import ChatQuestion, Message, Sampling, Schema

PARSERS: dict[str, Callable[[str], Any]] = {
    **{f"extract/{form.name}": form.parse for form in extract.FORMATS.values()},
    **{f"glean/{form.name}": form.parse_gleaning for form in extract.FORMATS.values()},
    "glean_check": parse_yes_or_no,
    "claims": claims.parse_claims,
    "claims_glean": claims.parse_gleaning,
    "claims_glean_check": parse_yes_or_no,
    "describe": str.strip,
    "report": report.parse_report,
}
_NAMES = {parser: name for name, parser in PARSERS.items()}
FASTEST = 1  # of zlib's levels: prompts shrink to a third in a tenth of a millisecond


def parser_name(question: ChatQuestion) -> str | None:
    """The name of what reads the answer; None when the question cannot travel."""
    return _NAMES.get(question.parse)


def packed(question: ChatQuestion) -> bytes:
    """All of a question but its parser."""
    schema = question.schema
    fields = {
        "purpose": question.purpose,
        "model": question.model,
        "messages": question.messages,
        "sampling": vars(question.sampling),
        "schema": None if schema is None else vars(schema),
        "parts_count": question.parts_count,
    }
    return zlib.compress(json.dumps(fields, separators=(",", ":")).encode(), FASTEST)


def unpacked(body: bytes, parser: str) -> ChatQuestion:
    """The question again.

    Raises:
      KeyError: another version of the program has packed it, with a parser that this one does not know.
    """
    fields = json.loads(zlib.decompress(body))
    schema = fields["schema"]
    return ChatQuestion(
        fields["purpose"],
        fields["model"],
        tuple(Message(role=message["role"], content=message["content"]) for message in fields["messages"]),
        PARSERS[parser],
        Sampling(**fields["sampling"]),
        None if schema is None else Schema(**schema),
        parts_count=fields["parts_count"],
    )
