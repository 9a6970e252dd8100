"""How much of the protocol a server understands. Servers differ, and their refusals tell."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fileintel.llm.faults import Fault
from fileintel.llm.questions import ChatQuestion, Message

SCHEMA_MODES = ("json_schema", "json_object", "none")
TOKEN_PARAMETERS = ("max_tokens", "max_completion_tokens", "none")
_DROPPABLE = ("temperature", "top_p")
_FORMAT = ("response_format", "json_schema", "json_object")
_NOT_UNDERSTOOD = re.compile(
    r"support|unknown|unrecogni[sz]ed|unexpected|forbidden|not (allowed|permitted)|invalid|does not|instead|deprecated"
)


@dataclass(frozen=True)
class Dialect:
    """A way of asking. `adapted` gives the next poorer one; each step takes something away, so there is an end.

    Parameters:
      schema_mode: index into SCHEMA_MODES: how an answer's form is asked for.
      token_parameter: index into TOKEN_PARAMETERS: what the bound of an answer's length is called.
      dropped: parameters that the server does not take.
    """

    schema_mode: int = 0
    token_parameter: int = 0
    dropped: frozenset[str] = frozenset()

    def body(self, question: ChatQuestion, messages: Sequence[Message]) -> dict[str, Any]:
        """Return the request's body, without the model."""
        sampling = question.sampling
        parameters: dict[str, Any] = {"temperature": sampling.temperature, "top_p": sampling.top_p}
        parameters = {name: parameters[name] for name in _DROPPABLE if name not in self.dropped}
        if self.token_parameter < len(TOKEN_PARAMETERS) - 1:
            parameters[TOKEN_PARAMETERS[self.token_parameter]] = sampling.max_tokens
        body: dict[str, Any] = {"messages": list(messages)}
        body.update((name, value) for name, value in parameters.items() if value is not None)
        mode = SCHEMA_MODES[self.schema_mode]
        if question.schema is not None and mode == "json_schema":
            schema = {"name": question.schema.name, "schema": question.schema.body, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif question.schema is not None and mode == "json_object":
            body["response_format"] = {"type": "json_object"}
        return body

    def adapted(self, fault: Fault, body: Mapping[str, Any]) -> "Dialect | None":
        """Return how to ask after `body` was refused; None when it was not refused for the way of asking."""
        if fault.status not in (400, 422) or fault.reason in ("context_length", "invalid_answer"):
            return None
        for name in _DROPPABLE:
            if name in body and _complains_of((name,), fault):
                return replace(self, dropped=self.dropped | {name})
        if TOKEN_PARAMETERS[self.token_parameter] in body and _complains_of(TOKEN_PARAMETERS[:2], fault):
            return replace(self, token_parameter=self.token_parameter + 1)
        if "response_format" in body and (_complains_of(_FORMAT, fault) or fault.parameter is None):
            # not every server says what it does not like
            return replace(self, schema_mode=self.schema_mode + 1)
        return None

    def joined(self, other: "Dialect") -> "Dialect":
        """Return the poorer of two dialects in each respect: what both have found out."""
        return Dialect(
            max(self.schema_mode, other.schema_mode),
            max(self.token_parameter, other.token_parameter),
            self.dropped | other.dropped,
        )


def _complains_of(names: Sequence[str], fault: Fault) -> bool:
    if fault.parameter is not None:
        return fault.parameter.split(".")[0] in names
    words = fault.message.lower()
    return any(re.search(rf"\b{name}\b", words) for name in names) and bool(_NOT_UNDERSTOOD.search(words))
