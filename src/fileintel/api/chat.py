"""The shapes of the OpenAI protocol in which collections are asked: requests read, answers and errors built.

Shapes: OpenAI API reference, chat completions, models and error objects.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from fileintel.api.chat_errors import error
from fileintel.api.requests import USUAL_WAIT_SECONDS, WaitSeconds
from fileintel.errors import UsageError
from fileintel.services.questions import QueryRequest, Turn, forms
from fileintel.services.quotes import quotes
from fileintel.services.vocabulary import LOCAL, MODES, expect_mode
from fileintel.storable import Text

BEGINS_ANEW = "\n\n(The answer begins anew.)\n\n"  # what was sent cannot be taken back in this protocol
OWNER = "fileintel"


class ChatMessage(BaseModel):
    """A turn of a conversation; its content is a text, or a list of parts of which those of the type text count."""

    model_config = ConfigDict(extra="allow")

    role: Text = Field(max_length=100, examples=["user"])
    content: Text | list[dict[str, Any]] | None = Field(examples=["Who built the lighthouse?"])


class ChatRequest(BaseModel):
    """A question to a collection. Parameters of the protocol that are not listed here are accepted and not used."""

    model_config = ConfigDict(extra="allow")

    model: Text = Field(
        min_length=1,
        max_length=1000,
        description=f"The collection; `NAME:MODE` answers in that mode ({', '.join(MODES)}).",
        examples=["thesis"],
    )
    messages: list[ChatMessage] = Field(
        min_length=1, max_length=1000, description="The last one is the question; system messages are left out."
    )
    stream: bool | None = False
    stream_options: dict[str, Any] | None = None
    response_format: dict[str, Any] | None = Field(
        default=None, description='`{"type": "json_object"}`, or `json_schema` with a schema.'
    )
    wait_seconds: WaitSeconds = USUAL_WAIT_SECONDS

    def query_request(self, mode: str) -> QueryRequest:
        """What is asked.

        Raises:
          UsageError: there is no question in it.
        """
        turns = [Turn(one.role, _text_of(one)) for one in self.messages if one.role in ("user", "assistant")]
        if not turns or turns[-1].role != "user":
            raise UsageError("the last message must be the user's: it is the question")
        form, schema = _form_of(self.response_format)
        return QueryRequest(
            turns[-1].content, mode, tuple(turns[:-1]), form=form, schema=schema, stream=bool(self.stream)
        )


def collection_and_mode(model: str, exists: Callable[[str], bool]) -> tuple[str, str]:
    """The parts of `NAME:MODE`; the mode is local where the whole is a collection's name, or nothing of it is one.

    Parameters:
      exists: whether there is a collection of a name; asked only where the model's name holds a colon.

    Raises:
      UnknownMode: there is the collection, and no such mode.
    """
    name, colon, mode = model.rpartition(":")
    if not name or not colon or exists(model):
        return model, LOCAL
    if mode in MODES:
        return name, mode
    if exists(name):
        expect_mode(mode)
    return model, LOCAL


def models(names: list[tuple[str, int]]) -> dict[str, Any]:
    """The list of models: names with the seconds since 1970 when they were made."""
    data = [{"id": name, "object": "model", "created": created, "owned_by": OWNER} for name, created in names]
    return {"object": "list", "data": data}


def completion(model: str, reply: Mapping[str, Any], created: int) -> dict[str, Any]:
    """A whole answer."""
    answered = {"role": "assistant", "content": reply["answer"] + sources(reply)}
    return {
        **_shared(model, reply["task_id"], created, "chat.completion"),
        "choices": [{"index": 0, "message": answered, "logprobs": None, "finish_reason": "stop"}],
        "usage": _usage(reply),
        **_extras(reply),
    }


def chunk(model: str, run_id: str, created: int, delta: Mapping[str, Any]) -> str:
    """A piece of an answer, as a server-sent event."""
    choice = {"index": 0, "delta": dict(delta), "logprobs": None, "finish_reason": None}
    return _event({**_shared(model, run_id, created, "chat.completion.chunk"), "choices": [choice]})


def last_chunks(model: str, reply: Mapping[str, Any], created: int, *, with_usage: bool) -> str:
    """The end of a stream: why it ends, what was cited, and, if it was asked for, what it cost."""
    shared = _shared(model, reply["task_id"], created, "chat.completion.chunk")
    choice = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
    end = _event({**shared, "choices": [choice], **_extras(reply)})
    usage = _event({**shared, "choices": [], "usage": _usage(reply)}) if with_usage else ""
    return f"{end}{usage}data: [DONE]\n\n"


def error_event(problem: Mapping[str, Any]) -> str:
    """An error in the midst of a stream."""
    return _event(error(int(problem["status"]), str(problem["code"]), str(problem["detail"])))


def sources(reply: Mapping[str, Any]) -> str:
    """The citations as text behind an answer; none behind JSON, which has to stay JSON."""
    if not reply["citations"] or reply.get("data") is not None:
        return ""
    lines = [f"- {quote.line()}" for quote in quotes(reply["citations"], nearest_only=True)]
    return "\n\nSources:\n" + "\n".join(lines)


def _text_of(message: ChatMessage) -> str:
    if isinstance(message.content, list):
        texts = [part.get("text") for part in message.content if part.get("type") == "text"]
        return "\n".join(text for text in texts if isinstance(text, str)).replace("\0", "")
    return message.content or ""


def _form_of(response_format: Mapping[str, Any] | None) -> tuple[str, dict[str, Any] | None]:
    kind = (response_format or {}).get("type", "text")
    if kind == "text":
        return forms.DEFAULT, None
    if kind == "json_object":
        return forms.JSON, None
    wanted = (response_format or {}).get("json_schema")
    schema = wanted.get("schema") if kind == "json_schema" and isinstance(wanted, dict) else None
    if not isinstance(schema, dict):
        raise UsageError("response_format must be of the type text, json_object, or json_schema with a schema")
    return forms.JSON, schema


def _shared(model: str, run_id: str, created: int, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{run_id}", "object": kind, "created": created, "model": model}


def _usage(reply: Mapping[str, Any]) -> dict[str, int]:
    asked, given = int(reply["llm"]["prompt_tokens"]), int(reply["llm"]["completion_tokens"])
    return {"prompt_tokens": asked, "completion_tokens": given, "total_tokens": asked + given}


def _extras(reply: Mapping[str, Any]) -> dict[str, Any]:
    """What the protocol has no place for; clients leave alone what they do not know."""
    ours = {name: reply.get(name) for name in ("mode", "picked", "version", "gaps", "note", "unknown_citations")}
    return {"citations": reply["citations"], "fileintel": ours}


def _event(data: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"
