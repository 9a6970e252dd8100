"""Reading JSON out of what models really send: reasoning parts, fences, trailing commas, cut ends."""

import json
import re
from typing import Any

import json_repair

from fileintel.llm.questions import InvalidAnswer

_REASONING = re.compile(r"<(think|thinking|reasoning)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_REASONING_END = re.compile(r"^.*?</(?:think|thinking|reasoning)>", re.DOTALL | re.IGNORECASE)
_REASONING_START = re.compile(r"<(?:think|thinking|reasoning)>.*$", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"^\s*```[\w-]*\s*\n(.*?)(?:\n\s*```\s*)?$", re.DOTALL)


def strip_reasoning(text: str) -> str:
    """The answer without its reasoning parts, also where the opening or the closing tag is missing."""
    text = _REASONING.sub("", text)
    text = _REASONING_END.sub("", text)
    return _REASONING_START.sub("", text).strip()


def strip_fence(text: str) -> str:
    """The content of a code fence, when the whole text is one."""
    match = _FENCE.match(text)
    return match.group(1).strip() if match else text.strip()


def read_object(text: str) -> dict[str, Any]:
    """The JSON object in an answer, repaired where it is damaged.

    Raises:
      InvalidAnswer: there is no object in it, or nothing is in the object.
    """
    candidate = strip_fence(text)
    start = candidate.find("{")
    if start < 0:
        raise InvalidAnswer("the answer holds no JSON object")
    candidate = candidate[start:]
    try:
        found, _ = json.JSONDecoder().raw_decode(candidate)
    except ValueError:
        found = json_repair.loads(candidate, skip_json_loads=True)
    if isinstance(found, list):  # what the repair makes of an object with prose behind it
        found = next((item for item in found if isinstance(item, dict)), None)
    if not isinstance(found, dict) or not found:
        raise InvalidAnswer("the answer holds no JSON object that can be read")
    return found
