"""The conversation before a question: as the model is given it, and as it helps to find the subject of a follow-up.

A follow-up ("And who built it?") names nothing that could be found. As in graphrag's local search, what is searched
for is the question together with the questions before it: that costs no call of the model.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fileintel.errors import UsageError
from fileintel.llm.questions import Message

ROLES = ("user", "assistant")
LONGEST_TURN = 100_000  # characters

_CITED = re.compile(r"\s?\[[A-Z]\d+(?:\s*[,;]\s*[A-Z]\d+)*\]")


@dataclass(frozen=True)
class Turn:
    """Something that was said; `role` is user or assistant."""

    role: str
    content: str


def read_turns(given: Any) -> tuple[Turn, ...]:
    """Turns out of what a caller gave: a list of objects with `role` and `content`.

    Raises:
      UsageError: it is something else.
    """
    if not isinstance(given, list):
        raise UsageError("the history must be a list of turns, each with role and content")
    return tuple(_turn(number, one) for number, one in enumerate(given, 1))


def recent(
    history: Sequence[Turn], most_turns: int, most_tokens: int, count_tokens: Callable[[str], int]
) -> tuple[Turn, ...]:
    """The newest turns that are within both bounds, beginning with one of the user's. A question and what was answered
    to it count as one turn, as in graphrag."""
    kept: list[Turn] = []
    exchanges = tokens = 0
    for turn in reversed(history):
        tokens += count_tokens(turn.content)
        exchanges += turn.role == "user"
        if tokens > most_tokens or exchanges > most_turns:
            break
        kept.append(turn)
    while kept and kept[-1].role != "user":
        kept.pop()
    return tuple(reversed(kept))


def messages(history: Sequence[Turn]) -> list[Message]:
    """The turns as the model sees them. Citations are left out: in another context the same id is another thing."""
    return [Message(role=turn.role, content=_CITED.sub("", turn.content)) for turn in history]


def searched_for(question: str, history: Sequence[Turn]) -> str:
    """The text to search for: the question, and the questions before it, the newest first."""
    before = [turn.content for turn in reversed(history) if turn.role == "user"]
    return "\n".join([question, *before])


def _turn(number: int, given: Any) -> Turn:
    role = given.get("role") if isinstance(given, dict) else None
    content = given.get("content") if isinstance(given, dict) else None
    if role not in ROLES or not isinstance(content, str):
        raise UsageError(f"turn {number} of the history must have a role ({' or '.join(ROLES)}) and a content of text")
    if len(content) > LONGEST_TURN or "\0" in content:
        raise UsageError(f"turn {number} of the history holds NUL or more than {LONGEST_TURN:,} characters")
    return Turn(role, content)
