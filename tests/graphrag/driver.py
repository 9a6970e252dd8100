"""Runs a stage in memory: takes its requests, answers them in any order, follows up. No store, no threads."""

from collections.abc import Callable, Iterable
from random import Random

from fileintel.fanout.progress import Progress
from fileintel.fanout.request import Outcome, Request
from fileintel.llm.questions import Answered, ChatQuestion, Failed, InvalidAnswer
from fileintel.storage.run_counts import StageCounts

NO_ANSWER = Failed("timeout", 3, "nothing came back")

Answer = str | Answered | Failed


class Driver:
    """Answers requests one by one, as a fan-out does, until none is left.

    Parameters:
      answer: makes the answer to a request; a text is parsed by the question.
      random: picks which of the open requests is answered next; None: in the order in which they came.
    """

    def __init__(self, answer: Callable[[Request], Answer], random: Random | None = None) -> None:
        self._answer = answer
        self._random = random
        self.asked: list[Request] = []

    def run(self, requests: Iterable[Request]) -> "Driver":
        """Answer these requests and all that follow from them."""
        waiting = list(requests)
        while waiting:
            request = waiting.pop(self._random.randrange(len(waiting)) if self._random else 0)
            self.asked.append(request)
            waiting += request.deliver(self._outcome(request)) or ()
        return self

    def _outcome(self, request: Request) -> Outcome:
        answer = self._answer(request)
        if not isinstance(answer, str):
            return answer
        try:
            return answered(request, answer)
        except InvalidAnswer as problem:
            return Failed("invalid_answer", 2, str(problem))


def answered(request: Request, text: str, *, finish_reason: str = "stop", cached: bool = False) -> Answered:
    """An answer of this text to this request.

    Raises:
      InvalidAnswer: it does not parse.
    """
    return Answered(question(request).parse(text), text, finish_reason=finish_reason, cached=cached)


def question(request: Request) -> ChatQuestion:
    """What a request asks."""
    assert isinstance(request.question, ChatQuestion)
    return request.question


def data_of(request: Request) -> str:
    """The last user message of what a request asks."""
    return question(request).messages[-1]["content"]


def counts(progress: Progress, stage: str) -> StageCounts:
    """What a stage has counted."""
    return next(counted for counted in progress.counts() if counted.name == stage)
