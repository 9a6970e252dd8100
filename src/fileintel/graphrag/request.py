"""What a stage gives to the fan-out: a question, and what to do with its outcome."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from fileintel.llm.questions import Answered, Failed, Question

Outcome = Answered | Failed


@dataclass(frozen=True)
class Request:
    """A question of a stage, and what to do with its outcome.

    `deliver` runs in the owner, in order of arrival; it must not wait for anything. `priority`: lower goes first.
    With `keep` False the answer is not stored, and no gap is written: whoever asks decides that.
    """

    stage: str
    item: str
    question: Question
    deliver: Callable[[Outcome], Iterable["Request"] | None]
    priority: float = 0.0
    keep: bool = True


@dataclass
class Arrival:
    """Requests that were sent together, and what came back: outcomes, or an error. `at` is on the monotonic clock,
    `unkept` says why the answers could not be stored."""

    requests: list[Request]
    outcomes: list[Outcome] = field(default_factory=list)
    error: BaseException | None = None
    unkept: BaseException | None = None
    at: float = 0.0
