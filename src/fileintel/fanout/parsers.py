"""Questions that are sent to another worker: a function cannot be sent, so what reads an answer goes by name.

A worker that answers a question for another one stores the answer only if it can be read: it needs the same parser.
A question whose parser has no name is asked by the worker that has it.
"""

import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from fileintel.llm.questions import ChatQuestion, Message, Sampling, Schema

FASTEST = 1  # of zlib's levels: prompts shrink to a third in a tenth of a millisecond


class NamedParsers:
    """The parsers of answers by name, the same in all workers of a version.

    Parameters:
      parsers: each takes the text of an answer and raises InvalidAnswer where it cannot be read. One that stands under
        several names is sent under the last of them.
    """

    def __init__(self, parsers: Mapping[str, Callable[[str], Any]]) -> None:
        self._parsers = parsers
        self._names = {parser: name for name, parser in parsers.items()}

    def name_of(self, question: ChatQuestion) -> str | None:
        """Return the name of the parser of a question; None when the question cannot be sent."""
        return self._names.get(question.parse)

    def unpacked(self, body: bytes, name: str) -> ChatQuestion:
        """Return the question that `packed` has made `body` of, with the parser of that name.

        Raises:
          KeyError: another version of the program has packed it, with a parser that this one does not know.
        """
        fields = json.loads(zlib.decompress(body))
        schema = fields["schema"]
        return ChatQuestion(
            fields["purpose"],
            fields["model"],
            tuple(Message(role=message["role"], content=message["content"]) for message in fields["messages"]),
            self._parsers[name],
            Sampling(**fields["sampling"]),
            None if schema is None else Schema(**schema),
            parts_count=fields["parts_count"],
        )


def packed(question: ChatQuestion) -> bytes:
    """Return all of a question but its parser, compressed."""
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
