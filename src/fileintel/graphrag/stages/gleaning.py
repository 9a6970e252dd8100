"""Gleaning: a model is asked again for what its first answer about a text has missed (Edge et al. 2024, section
"Source documents → element instances"), in the same conversation. From the second time on it says first, by yes or
no, whether there is more.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from fileintel.fanout.progress import Progress
from fileintel.fanout.request import Outcome, Request
from fileintel.llm.questions import Answered, ChatQuestion, Failed

# Once no more texts than these are unread for each slot, all of them are begun before any is finished: a text that is
# begun last keeps the end of the stage waiting for two answers, while most slots stand empty.
LAST_TEXTS_PER_SLOT = 2
BEHIND_UNREAD = 0.25  # added to the priority of the first question then


@dataclass(frozen=True)
class Gleaning:
    """How a stage gleans.

    Parameters:
      more, check: what is asked for the rest, and whether there is one.
      most: how often it is asked for.
      parse: reads an answer to a gleaning.
      purposes: of a gleaning and of a check.
      urgency: added to the priority of the first question. A text that has been begun is finished first: the server
        still has its beginning in its cache, and its records can be merged. Not so at the end of the stage.
    """

    more: str
    check: str
    most: int
    parse: Callable[[str], Any]
    purposes: tuple[str, str]
    urgency: float = -1


class Readings:
    """Holds the conversations of one stage about its texts, and counts those that are not over.

    Parameters:
      slots: how many questions can be under way at once, at this moment.
    """

    def __init__(
        self, stage: str, gleaning: Gleaning, progress: Progress, slots: Callable[[], int] = lambda: 0
    ) -> None:
        self.stage = stage
        self._gleaning = gleaning
        self._progress = progress
        self._slots = slots
        self._open = 0
        self._unread = 0

    def begin(self, texts: int) -> None:
        """So many texts are to be read."""
        self._progress.begin(self.stage, texts)
        self._open += texts
        self._unread += texts

    def finished(self) -> bool:
        """True when every text is done with."""
        return self._open == 0

    def request(
        self,
        item: str,
        question: ChatQuestion,
        take: Callable[[Answered], None],
        priority: float = 0,
        ended: Callable[[], object] = lambda: None,
    ) -> Request:
        """The first question about a text; each answer about it is given to `take`, and `ended` is called when nothing
        more comes."""
        return _Reading(self, self._gleaning, item, take, priority, ended).request(question)

    def begun(self) -> None:
        """The first question about a text is over."""
        self._unread -= 1

    def urgency(self) -> float:
        """How much more urgent what follows a first question is, now."""
        is_ending = 0 < self._unread <= LAST_TEXTS_PER_SLOT * self._slots()
        return BEHIND_UNREAD if is_ending else self._gleaning.urgency

    def over(self, *, cached: bool, failed: bool) -> Iterable[Request]:
        """One text is done with."""
        self._open -= 1
        self._progress.item_done(self.stage, cached=cached and not failed, failed=failed)
        return ()


@dataclass
class _Reading:
    """The conversation about one text."""

    readings: Readings
    gleaning: Gleaning
    item: str
    take: Callable[[Answered], None]
    priority: float
    ended: Callable[[], object]
    gleanings: int = 0
    cached: bool = True

    def request(self, question: ChatQuestion) -> Request:
        answered = partial(self._answered, question)
        return Request(self.readings.stage, self.item, question, answered, priority=self.priority)

    def _answered(self, question: ChatQuestion, outcome: Outcome) -> Iterable[Request]:
        if self.gleanings == 0:
            self.readings.begun()
        if isinstance(outcome, Failed):
            return self._over(failed=True)
        self.cached = self.cached and outcome.cached
        self.take(outcome)
        # an answer cut off at the limit goes on with one gleaning more than asked for
        wanted = max(self.gleaning.most, 1) if outcome.truncated else self.gleaning.most
        if self.gleanings >= wanted:
            return self._over()
        answer = outcome.content or ""
        if self.gleanings == 0:
            return [self._glean(question, answer)]
        check = question.followed_by(
            answer, self.gleaning.check, purpose=self.gleaning.purposes[1], parse=parse_yes_or_no, schema=None
        )
        return [self._urgent(check, partial(self._checked, question, answer))]

    def _checked(self, question: ChatQuestion, answer: str, outcome: Outcome) -> Iterable[Request]:
        if isinstance(outcome, Failed):
            return self._over(failed=True)
        self.cached = self.cached and outcome.cached
        return [self._glean(question, answer)] if outcome.value else self._over()

    def _over(self, *, failed: bool = False) -> Iterable[Request]:
        self.ended()
        return self.readings.over(cached=self.cached, failed=failed)

    def _glean(self, question: ChatQuestion, answer: str) -> Request:
        self.gleanings += 1
        more = question.followed_by(
            answer, self.gleaning.more, purpose=self.gleaning.purposes[0], parse=self.gleaning.parse
        )
        return self._urgent(more, partial(self._answered, more))

    def _urgent(self, question: ChatQuestion, deliver: Callable[[Outcome], Iterable[Request]]) -> Request:
        priority = self.priority + self.readings.urgency()
        return Request(self.readings.stage, self.item, question, deliver, priority=priority)


def parse_yes_or_no(text: str) -> bool:
    """True when the answer is yes."""
    return text.strip().lstrip("*_\"'( ").upper().startswith("Y")
