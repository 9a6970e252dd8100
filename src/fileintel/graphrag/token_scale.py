"""Finds out from the answers how many of the model's own tokens one of ours is.

Budgets are meant in the tokens of the model that reads the question. Where that model's tokenizer is not available, we
count with an encoding that is, and compare with what the server says: each answer comes with the number of tokens that
its question had there. The scale is that number over ours, summed over the extraction's questions.

An answer keeps that number, so the scale is a function of documents, settings and answers like all else, and the
same when a run resumes. It is rounded up to steps, so that a few new documents seldom change it: a context that is
cut at another place is another question, to be paid for again.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from fileintel.fanout.request import Outcome, Request
from fileintel.llm.questions import Answered, ChatQuestion, Message

STEPS = 20  # of the scale in one: 5 % each
SMALLEST = 1.0  # servers that keep a prompt's beginning in a cache may leave it out of the count
LARGEST = 4.0  # beyond it a server counts something else; four of its tokens for one of ours is Thai on an old model


class TokenScale:
    """Compares counts while answers pass by.

    Parameters:
      count_tokens: of a text, in our encoding.
      can_count: whether that takes no time by now. Until then questions are put aside: an answer must not wait for an
        encoding that is being loaded.
    """

    def __init__(self, count_tokens: Callable[[str], int], can_count: Callable[[], bool] = lambda: True) -> None:
        self._count_tokens = count_tokens
        self._can_count = can_count
        self._uncounted: list[ChatQuestion] = []
        self._instructions: dict[str, int] = {}
        self._ours = 0
        self._theirs = 0

    def watching(self, requests: Iterable[Request]) -> Iterator[Request]:
        """Pass the requests on; the tokens of their answers are counted as they come."""
        for request in requests:
            yield replace(request, deliver=self._counting(request))

    def scale(self) -> float:
        """The model's tokens in one of ours, at least 1; exactly 1 where the server does not tell."""
        self._count_up()
        if not self._ours:
            return SMALLEST
        steps = -(-self._theirs * STEPS // self._ours)  # rounded up, in whole numbers
        return min(LARGEST, max(SMALLEST, steps / STEPS))

    def ours(self, tokens: int) -> int:
        """A budget of the model's tokens in ours."""
        return math.floor(tokens / self.scale())

    def _counting(self, request: Request) -> Callable[[Outcome], Iterable[Request] | None]:
        def deliver(outcome: Outcome) -> Iterable[Request] | None:
            question = request.question
            if isinstance(outcome, Answered) and outcome.prompt_tokens and isinstance(question, ChatQuestion):
                self._theirs += outcome.prompt_tokens
                self._uncounted.append(question)
                if self._can_count():
                    self._count_up()
            return request.deliver(outcome)

        return deliver

    def _count_up(self) -> None:
        while self._uncounted:
            self._ours += sum(self._count(message) for message in self._uncounted.pop().messages)

    def _count(self, message: Message) -> int:
        text = message["content"]
        if message["role"] != "system":
            return self._count_tokens(text)
        if text not in self._instructions:  # the same in every question
            self._instructions[text] = self._count_tokens(text)
        return self._instructions[text]
