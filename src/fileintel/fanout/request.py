"""What a stage gives to the fan-out: a question, and what to do with its outcome."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from fileintel.llm.questions import Answered, ChatQuestion, Failed, Question

Outcome = Answered | Failed


@dataclass(frozen=True)
class Request:
    """A question of a stage, and what to do with its outcome.

    `deliver` runs in the owner, in order of arrival; it must not wait for anything. `priority`: lower goes first.
    With `keep` False the answer is not stored, and no gap is written: the caller has decided so.
    """

    stage: str
    item: str
    question: Question
    deliver: Callable[[Outcome], Iterable["Request"] | None]
    priority: float = 0.0
    keep: bool = True

    @property
    def kind(self) -> type[Question]:
        """Which kind of question it is."""
        return type(self.question)


class LateRequest(Request):
    """A request whose question is made when it is looked up: those of all communities would not fit into memory.

    Parameters:
      ask: makes the question, a chat question.
    """

    def __init__(
        self,
        stage: str,
        item: str,
        ask: Callable[[], ChatQuestion],
        deliver: Callable[[Outcome], Iterable[Request] | None],
        priority: float = 0.0,
    ) -> None:
        for name, value in (("stage", stage), ("item", item), ("deliver", deliver), ("priority", priority)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "_ask", ask)

    @cached_property
    def question(self) -> ChatQuestion:  # made when it is first looked at
        made: ChatQuestion = self.__dict__.pop("_ask")()
        return made

    @property
    def kind(self) -> type[Question]:
        return ChatQuestion


@dataclass
class Arrival:
    """Requests that were sent together, and what came back: outcomes, or an error. `at` is on the monotonic clock,
    `unkept` says why the answers could not be stored."""

    requests: list[Request]
    outcomes: list[Outcome] = field(default_factory=list)
    error: BaseException | None = None
    unkept: BaseException | None = None
    at: float = 0.0
