"""Reading JSON out of what models really send: reasoning parts, fences, trailing commas, cut ends."""

import json
import re
from typing import Any

from fileintel.llm.json_escapes import with_sound_escapes
from fileintel.llm.questions import InvalidAnswer
from fileintel.storable import storable, storable_value

DEEPEST_NESTING = 50  # brackets within brackets; a model that loops writes thousands, which no parser survives

_OPENED = r"<(?:think|thinking|thought|reasoning)>|\[THINK\]"
_REASONING_START = re.compile(rf"^[ \t]*(?:{_OPENED})", re.IGNORECASE | re.MULTILINE)
_REASONING_END = re.compile(r"</(?:think|thinking|thought|reasoning)>|\[/THINK\]", re.IGNORECASE)
_OPENING_TAG = re.compile(_OPENED, re.IGNORECASE)
_FINAL_CHANNEL = re.compile(
    r"<\|channel\|>final(?:[^<\n]*<\|constrain\|>\w+)?<\|message\|>(.*?)(?=<\|(?:end|return|start)\|>|\Z)",
    re.DOTALL,
)
_CHANNEL_MARK = re.compile(r"<\|(?:channel|message|start|end|return|constrain|call)\|>")
_FENCE = re.compile(r"```[\w-]*[ \t]*\n")
_OBJECT = re.compile(r"""\{\s*["'“”]""")  # not a brace in prose
_BRACKET = re.compile(r"[{}\[\]]")
# a string of JSON, whole or up to the end of the text, or a bracket outside of strings
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)|[{}\[\]]', re.DOTALL)
_LAST_BRACKETS = re.compile(r"\]\s*\}\Z")


def strip_reasoning(text: str) -> str:
    """Return the answer without its reasoning parts, also where the opening or the closing tag is missing; storable.

    A reasoning part begins a line: tags within a sentence are what the sentence is about.
    """
    text = _without_channels(storable(text))
    end = _REASONING_END.search(text)
    if end and not _OPENING_TAG.search(text, 0, end.start()):
        text = text[end.end() :]
    kept, at = [], 0
    while start := _REASONING_START.search(text, at):
        kept.append(text[at : start.start()])
        end = _REASONING_END.search(text, start.end())
        at = end.end() if end else len(text)
    return "".join([*kept, text[at:]]).strip()


def missing_end(text: str) -> str | None:
    """What an answer in JSON lacks, in words that go back to the model; None where it comes to its end, be it damaged.
    Prose without any JSON lacks nothing."""
    body = strip_fence(text)
    begin = _OBJECT.search(body)
    start = begin.start() if begin else min((body.find(one) for one in "{[" if one in body), default=-1)
    if start < 0:
        return None
    body = with_sound_escapes(body[start:])
    try:
        json.JSONDecoder(strict=False).raw_decode(body)
    except (ValueError, RecursionError):
        return None if is_closed(body) else "it ends before its JSON does"
    return None


def is_closed(text: str) -> bool:
    """Return whether the brackets of an answer's JSON are all closed at its end, those within strings left aside.

    Where quotes are not escaped, strings and the rest change places; so the usual end of a list in an object counts
    as closed as well.
    """
    depth, text = 0, strip_fence(text).rstrip()
    for match in _STRING_OR_BRACKET.finditer(text):
        part = match.group()
        if part[0] == '"':
            if len(part) == 1 or not part.endswith('"'):
                depth = max(depth, 1)  # the text ends within a string
                break
        else:
            depth = depth + 1 if part in "{[" else max(0, depth - 1)
    return depth == 0 or _LAST_BRACKETS.search(text) is not None


def _without_channels(text: str) -> str:
    """The final channel of an answer in the format of gpt-oss (Harmony), whose marks a server has left in it."""
    if "<|channel|>" not in text:
        return text
    found = _FINAL_CHANNEL.findall(text)
    return found[-1] if found else _CHANNEL_MARK.sub("", text)


def strip_fence(text: str) -> str:
    """Return the content of a code fence, when the whole text is one."""
    text = text.strip()
    fence = _FENCE.match(text)
    return text[fence.end() :].removesuffix("```").strip() if fence else text


def read_object(text: str) -> dict[str, Any]:
    """Return the JSON object in an answer, repaired where it is damaged; its texts are storable.

    Raises:
      InvalidAnswer: there is no object in it, or nothing is in the object.
    """
    candidate = strip_fence(text)
    begin = _OBJECT.search(candidate)
    start = begin.start() if begin else candidate.find("{")
    if start < 0:
        raise InvalidAnswer("the answer holds no JSON object")
    candidate = with_sound_escapes(candidate[start:])
    if nesting_depth(candidate) > DEEPEST_NESTING:
        raise InvalidAnswer("the answer's JSON is nested too deeply")
    try:
        found, _ = json.JSONDecoder().raw_decode(candidate)
    except (ValueError, RecursionError):
        found = _repaired(candidate)
    if isinstance(found, list):  # what the repair makes of an object with prose behind it
        found = next((item for item in found if isinstance(item, dict) and item), None)
    if not isinstance(found, dict) or not found:
        raise InvalidAnswer("the answer holds no JSON object that can be read")
    readable: dict[str, Any] = storable_value(found)
    return readable


def nesting_depth(text: str) -> int:
    """Return how many brackets stand open at once at most, those in strings included."""
    depth = deepest = 0
    for bracket in _BRACKET.findall(text):
        depth = depth + 1 if bracket in "{[" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def mended(text: str) -> Any:
    """Return what damaged JSON may have been meant to say.

    Raises:
      ValueError, RecursionError: nothing can be made of it.
    """
    import json_repair  # takes a tenth of a second, and most servers' answers never need it

    return json_repair.loads(text, skip_json_loads=True)


def _repaired(text: str) -> Any:
    try:
        return mended(text)
    except (ValueError, RecursionError) as error:
        raise InvalidAnswer("the answer holds no JSON object that can be read") from error
