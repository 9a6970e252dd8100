"""The ways to fail, which request meets which, and what a spoiled answer looks like."""

import hashlib
import re
from collections.abc import Sequence

from .settings import Fault

# An answer with another status than 200.
STATUS = {
    "rate_limit": 429,
    "server_error": 500,
    "bad_gateway": 502,
    "unavailable": 503,
    "unauthorized": 401,
    "unknown_model": 404,
    "context_length": 400,
    "unsupported_parameter": 400,
}
# The connection misbehaves.
TRANSPORT = ("reset_before", "reset_mid_body", "half_body", "hang", "trickle", "broken_envelope")
# The answer arrives, and its content is not what was asked for.
CONTENT = (
    "truncated_json",
    "invalid_json",
    "empty",
    "prose",
    "fenced_json",
    "think_tags",
    "trailing_commas",
    "length",
    "repetition",
    "wrong_language",
    "no_usage",
)
VECTORS = ("wrong_size", "fewer_vectors", "shuffled_vectors")
KINDS = (*STATUS, *TRANSPORT, *CONTENT, *VECTORS)
# A careful client can use these answers as they are, so they count as answered.
HARMLESS = ("trickle", "fenced_json", "think_tags", "trailing_commas", "no_usage", "shuffled_vectors")

REPETITION_LENGTH = 20_000  # characters
_TRANSLATED = {
    '"entity"': '"实体"',
    '"relationship"': '"关系"',
    '"title"': '"标题"',
    '"summary"': '"摘要"',
    '"rating"': '"评分"',
    '"rating_explanation"': '"评分说明"',
    '"findings"': '"发现"',
    '"explanation"': '"说明"',
    '"points"': '"要点"',
    '"description"': '"描述"',
    '"score"': '"分数"',
}


def draw(*parts: object) -> float:
    """A number from 0 to 1 that depends on the parts alone."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")).digest()
    return (int.from_bytes(digest[:7], "big") + 0.5) / 2**56


class Chooser:
    """Decides for each request whether it fails, and how."""

    def __init__(self, faults: Sequence[Fault], seed: int) -> None:
        for fault in faults:
            if fault.kind not in KINDS:
                raise ValueError(f"unknown fault {fault.kind!r}; known are {', '.join(KINDS)}")
        self._faults = [(at, fault) for at, fault in enumerate(faults)]
        self._left = [fault.count for fault in faults]
        self._seed = seed

    def choose(self, purpose: str, text: str, question: str, attempt: int) -> Fault | None:
        """The first fault that fits the `attempt`-th (from 1) request for a question."""
        for at, fault in self._faults:
            if self._fits(at, fault, purpose, text, question, attempt):
                left = self._left[at]
                if left is not None:
                    self._left[at] = left - 1
                return fault
        return None

    def _fits(self, at: int, fault: Fault, purpose: str, text: str, question: str, attempt: int) -> bool:
        if self._left[at] == 0 or (fault.purpose is not None and fault.purpose != purpose):
            return False
        if fault.kind in VECTORS and purpose != "embeddings":
            return False
        if fault.match is not None and fault.match not in text:
            return False
        if fault.first_n_attempts is not None:
            return attempt <= fault.first_n_attempts and draw(self._seed, at, question) < fault.share
        return draw(self._seed, at, question, attempt) < fault.share


def spoil(kind: str, text: str) -> tuple[str, str]:
    """The spoiled answer and its finish reason."""
    if kind == "truncated_json":
        return text[: len(text) * 2 // 3], "stop"
    if kind == "length":
        return text[: len(text) // 2], "length"
    if kind == "invalid_json":
        return "{title: 'no quotes', findings: [}" + text[:40].replace('"', "'"), "stop"
    if kind == "empty":
        return "", "stop"
    if kind == "prose":
        return "Sure! The text is mostly about a harbour, and I would be happy to tell you more about it.", "stop"
    if kind == "fenced_json":
        return f"Here you are:\n\n```json\n{text}\n```\n", "stop"
    if kind == "think_tags":
        return f'<think>\nThey want {{"title": …}}. Let me see.\n</think>\n\n{text}', "stop"
    if kind == "trailing_commas":
        return re.sub(r'(?<=["\d}\]])(\s*[}\]])', r",\1", text), "stop"
    if kind == "repetition":
        piece = text[:200] or "again and "
        return (piece * (REPETITION_LENGTH // len(piece) + 1))[:REPETITION_LENGTH], "length"
    if kind == "wrong_language":
        return _translate(text), "stop"
    return text, "stop"


def _translate(text: str) -> str:
    translated = text
    for word, other in _TRANSLATED.items():
        translated = translated.replace(word, other)
    return translated if translated != text else "抱歉，这份文件主要讲述一个港口的历史。"
