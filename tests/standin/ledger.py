"""What the stand-in remembers: who asked what, how often, with what result."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


def question_id(path: str, body: dict[str, Any]) -> str:
    """The same for the same question: a hash of the path and the body with sorted keys."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"{path}\n{canonical}".encode()).hexdigest()


@dataclass
class Question:
    """One question. `repeated` counts the times it was asked after it had been answered."""

    purpose: str
    body: dict[str, Any] | None
    asked: int = 0
    answered: int = 0
    repeated: int = 0

    def counts(self) -> dict[str, Any]:
        """Everything but the body."""
        return {
            "purpose": self.purpose,
            "asked": self.asked,
            "answered": self.answered,
            "repeated": self.repeated,
        }


class Book:
    """Sound answers in a file, a line each, written down just before they are sent: it survives a killed server."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)

    def note(self, identity: str, purpose: str, texts: Sequence[str]) -> None:
        """An answer is about to be sent; `texts` are those of an embeddings request."""
        self._file.write(json.dumps([purpose, [_hash(text) for text in texts] or [identity]]) + "\n")

    @staticmethod
    def read(path: Path) -> list[tuple[str, str]]:
        """Purpose and hash of each question that was answered, in order: each text of embeddings for itself."""
        lines = path.read_text().split("\n")[:-1]  # the last one may be cut off, or is empty
        return [(purpose, one) for purpose, ones in map(json.loads, lines) for one in ones]


@dataclass
class Ledger:
    """All counts of one stand-in since the last reset."""

    questions: dict[str, Question] = field(default_factory=dict)
    inputs: dict[str, Question] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    peak_in_flight: int = 0
    at_once: Counter[str] = field(default_factory=Counter)
    peaks: Counter[str] = field(default_factory=Counter)
    abandoned: int = 0
    in_flight_seconds: float = 0.0
    started: float | None = None
    ended: float | None = None
    _since: float = 0.0

    def arrive(self, identity: str, purpose: str, body: dict[str, Any], texts: list[str], *, keep: bool) -> int:
        """A question arrives; returns which attempt at it this is, from 1."""
        known = self.questions.setdefault(identity, Question(purpose, body if keep else None))
        known.asked += 1
        known.repeated += known.answered > 0
        for text in texts:
            each = self.inputs.setdefault(_hash(text), Question(purpose, None))
            each.asked += 1
            each.repeated += each.answered > 0
        self.asked[purpose] += 1
        self._count(+1, purpose)
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        self.peaks[purpose] = max(self.peaks[purpose], self.at_once[purpose])
        return known.asked

    def leave(self, identity: str, purpose: str, texts: list[str], *, answered: bool) -> None:
        """A request is done with, one way or the other."""
        self._count(-1, purpose)
        if answered and identity in self.questions:  # a reset may have come between
            self.answered[purpose] += 1
            self.questions[identity].answered += 1
            for text in texts:
                if _hash(text) in self.inputs:
                    self.inputs[_hash(text)].answered += 1

    def _count(self, change: int, purpose: str) -> None:
        now = time.monotonic()
        self.started = now if self.started is None else self.started
        self.in_flight_seconds += self.in_flight * (now - self._since) if self._since else 0.0
        self._since = self.ended = now
        self.in_flight = max(0, self.in_flight + change)
        self.at_once[purpose] = max(0, self.at_once[purpose] + change)

    def counts(self) -> dict[str, Any]:
        """The sums, quick to make and to send."""
        return {
            "asked": dict(self.asked),
            "answered": dict(self.answered),
            "in_flight": self.in_flight,
            "peak_in_flight": self.peak_in_flight,
            "peaks": dict(self.peaks),
            "abandoned": self.abandoned,
            "faults": dict(self.faults),
            "in_flight_seconds": self.in_flight_seconds,
            "elapsed": (self.ended or 0.0) - (self.started or 0.0),
        }

    def everything(self) -> dict[str, Any]:
        """The sums, and the counts of each question."""
        return {
            **self.counts(),
            "statuses": self.statuses,
            "questions": {identity: question.counts() for identity, question in self.questions.items()},
            "inputs": {identity: question.counts() for identity, question in self.inputs.items()},
        }

    def bodies(self) -> list[dict[str, Any]]:
        """The recorded questions, in the order of their first arrival."""
        return [
            {"id": identity, "body": question.body, **question.counts()}
            for identity, question in self.questions.items()
        ]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
