"""The shapes of the OpenAI protocol that the built-in model speaks: requests checked, answers and errors built.

Shapes: OpenAI API reference, chat completions, embeddings, models and error objects.
"""

import base64
import json
import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fileintel.builtin_model import engine

CHARACTERS_PER_TOKEN = 4  # a rough average for European languages; only used to report usage
CREATED = 1_700_000_000  # constant, so that equal requests get equal bytes
LARGEST_BATCH = 2048  # inputs of one embeddings request, as at OpenAI
LARGEST_DIMENSIONS = 4096

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ProtocolError(Exception):
    """A request that cannot be answered, with the HTTP status and the code that OpenAI uses for it."""

    status: int
    message: str
    kind: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None

    def body(self) -> dict[str, Any]:
        """Return the error object."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}


def parse(raw: bytes) -> Body:
    """Return the JSON object of a request body.

    Raises:
        ProtocolError: it is not one (400).
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(400, f"The request body is not valid JSON: {error}") from error
    if not isinstance(body, dict):
        raise ProtocolError(400, "The request body must be a JSON object.")
    return body


def tokens(text: str) -> int:
    """Return a cheap estimate of the number of tokens of `text`."""
    return (len(text) + CHARACTERS_PER_TOKEN - 1) // CHARACTERS_PER_TOKEN


def messages_of(body: Body) -> list[dict[str, Any]]:
    """Return the messages of a chat request.

    Raises:
        ProtocolError: there are none, or they are not objects with a role (400).
    """
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ProtocolError(400, "'messages' must be a non-empty list.", param="messages")
    if not all(isinstance(message, dict) and isinstance(message.get("role"), str) for message in messages):
        raise ProtocolError(400, "Every message must be an object with a 'role'.", param="messages")
    return messages


def schema_name(body: Body) -> str | None:
    """Return the name of the JSON schema that the answer should follow; "json_object" if it only has to be JSON."""
    wanted = body.get("response_format")
    if not isinstance(wanted, dict) or wanted.get("type") not in ("json_schema", "json_object"):
        return None
    schema = wanted.get("json_schema")
    name = schema.get("name") if isinstance(schema, dict) else None
    return name if isinstance(name, str) else "json_object"


def prompt_tokens(messages: Sequence[Mapping[str, Any]]) -> int:
    """Return the estimated tokens of all messages, with four for the frame of each."""
    return sum(tokens(engine.text_of(message)) + 4 for message in messages)


def completion(body: Body, text: str, finish_reason: str = "stop") -> dict[str, Any]:
    """Return a chat completion object with one choice."""
    asked, given = prompt_tokens(body["messages"]), tokens(text)
    return {
        "id": f"chatcmpl-{zlib.crc32(text.encode('utf-8', 'replace')):08x}",
        "object": "chat.completion",
        "created": CREATED,
        "model": str(body.get("model") or engine.MODEL),
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "logprobs": None,
                "finish_reason": finish_reason,
            }
        ],
        "usage": {"prompt_tokens": asked, "completion_tokens": given, "total_tokens": asked + given},
    }


def chunks(whole: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield a chat completion as server-sent events, for clients that ask for a stream."""
    shared = {"id": whole["id"], "object": "chat.completion.chunk", "created": CREATED, "model": whole["model"]}
    choice = whole["choices"][0]
    pieces = re.findall(r"\s*\S+|\s+$", choice["message"]["content"])
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, *({"content": piece} for piece in pieces), {}]
    for delta in deltas:
        event = {
            **shared,
            "choices": [{"index": 0, "delta": delta, "finish_reason": None if delta else choice["finish_reason"]}],
        }
        yield b"data: " + json.dumps(event).encode() + b"\n\n"
    yield b"data: " + json.dumps({**shared, "choices": [], "usage": whole.get("usage")}).encode() + b"\n\n"
    yield b"data: [DONE]\n\n"


def inputs_of(body: Body) -> list[str]:
    """Return the texts of an embeddings request.

    Raises:
        ProtocolError: there are none, too many, or they are not texts (400).
    """
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise ProtocolError(400, "'input' must be a text or a non-empty list of texts.", param="input")
    if len(texts) > LARGEST_BATCH:
        raise ProtocolError(400, f"At most {LARGEST_BATCH} inputs in one request.", param="input")
    return texts


def dimensions_of(body: Body, default: int = engine.DIMENSIONS) -> int:
    """Return the size of the vectors that are asked for.

    Raises:
        ProtocolError: it is no sensible number (400).
    """
    wanted = body.get("dimensions")
    if wanted is None:
        return default
    if not isinstance(wanted, int) or isinstance(wanted, bool) or not 1 <= wanted <= LARGEST_DIMENSIONS:
        raise ProtocolError(400, f"'dimensions' must be from 1 to {LARGEST_DIMENSIONS}.", param="dimensions")
    return wanted


def embeddings(body: Body, vectors: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Return an embeddings object; vectors as base64 of little-endian floats if the request asks for that."""
    packed = body.get("encoding_format") == "base64"
    asked = sum(tokens(text) for text in inputs_of(body))
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": at, "embedding": pack(vector) if packed else list(vector)}
            for at, vector in enumerate(vectors)
        ],
        "model": str(body.get("model") or engine.MODEL),
        "usage": {"prompt_tokens": asked, "total_tokens": asked},
    }


def pack(vector: Sequence[float]) -> str:
    """Return a vector as base64 of little-endian 32-bit floats."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")


def models(names: Sequence[str], owner: str = "fileintel") -> dict[str, Any]:
    """Return the list of models; `owner` is what the server calls itself."""
    data = [{"id": name, "object": "model", "created": CREATED, "owned_by": owner} for name in names]
    return {"object": "list", "data": data}
