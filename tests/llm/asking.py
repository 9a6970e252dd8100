"""Questions and clients for the tests of the model client."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fileintel.config import Endpoint
from fileintel.llm.client import ModelClient, Patience
from fileintel.llm.gate import Gate
from fileintel.llm.questions import ChatQuestion, EmbeddingQuestion, InvalidAnswer, Message, Sampling, Schema

QUICK = {"timeout": 10.0, "waiting": 10.0, "retries": 3, "backoff": 0.01}
SCHEMA = Schema("echo", {"type": "object", "properties": {"echo": {"type": "string"}}, "required": ["echo"]})


def parse_echo(text: str) -> str:
    """What was echoed.

    Raises:
      InvalidAnswer: it is not that object.
    """
    try:
        found: str = json.loads(text)["echo"]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidAnswer(f"it is no object with an echo ({type(error).__name__})") from None
    return found


def chat(text: str, **changes: Any) -> ChatQuestion:
    """A question whose answer is text."""
    messages = (Message(role="system", content="Echo."), Message(role="user", content=text))
    values: dict[str, Any] = {"purpose": "test", "model": "stand-in", "messages": messages, "parse": str.strip}
    return ChatQuestion(**{**values, **changes})


def json_chat(text: str, **changes: Any) -> ChatQuestion:
    """A question whose answer is an object."""
    return chat(
        text,
        **{"purpose": "json", "parse": parse_echo, "schema": SCHEMA, "sampling": Sampling(0.0, None, 100), **changes},
    )


def embedding(text: str, tokens: int = 10) -> EmbeddingQuestion:
    """A text to be embedded."""
    return EmbeddingQuestion("embed", "stand-in-embedding", text, tokens)


@contextmanager
def client_of(base_url: str, ceiling: int = 8, **options: Any) -> Iterator[ModelClient]:
    """A client; at the end of the block all slots of its gate must be free again."""
    extra_body = options.pop("extra_body", None)
    patience = Patience(**{**QUICK, **options})
    client = ModelClient(Endpoint(base_url, "key", "stand-in"), Gate(ceiling), patience, extra_body)
    try:
        yield client
        reading = client.gate.reading()
        assert (reading.in_flight, reading.waiting) == (0, 0), reading
    finally:
        client.close()
