"""An answer while the model writes it: read from the server in the background, and passed on in pieces that are safe.

What has been passed on is at any moment the beginning of the checked answer: reasoning is held back, and so is
whatever may become a citation, until it is known whether the context has it.
"""

import queue
from collections.abc import Callable
from typing import Protocol

from fileintel.graphrag.query.citations import check_part
from fileintel.llm.caller import CallerCancelled
from fileintel.llm.questions import Answered
from fileintel.runtime import make_pool

LONGEST_WAIT_SECONDS = 0.2  # between two looks at what else the caller has to do
LONGEST_CITATION = 200  # characters from an opening bracket on that may still become one
_REASONING_ENDS = ("</think>", "</thinking>", "</reasoning>")


def listen(
    ask: Callable[[Callable[[str], None]], Answered], hear: Callable[[str], None], meanwhile: Callable[[], object]
) -> Answered:
    """Return what `ask` returns. It reads from a server in a greenlet (or thread) of its own, while the caller goes on.

    Parameters:
      ask: called with a function that takes each piece of the answer.
      hear: gets the pieces, in the greenlet of the caller.
      meanwhile: called there often, whether something comes or not.

    Raises:
      What any of them raises.
    """
    came: queue.SimpleQueue[str | Answered | BaseException] = queue.SimpleQueue()
    is_over = False

    def take(piece: str) -> None:
        if is_over:  # a thread cannot be stopped from outside
            raise CallerCancelled
        came.put(piece)

    def read() -> None:
        try:
            came.put(ask(take))
        except BaseException as error:  # noqa: BLE001 -- whatever it is, the one who listens must hear of it
            came.put(error)

    pool = make_pool(1)
    pool.spawn(read)
    try:
        while True:
            meanwhile()
            try:
                what = came.get(timeout=LONGEST_WAIT_SECONDS)
            except queue.Empty:
                continue
            if isinstance(what, BaseException):
                raise what
            if isinstance(what, Answered):
                return what
            hear(what)
    finally:
        is_over = True
        pool.kill()


class AnswerListener(Protocol):
    """Takes an answer while it is written. What it raises ends the asking."""

    def hear(self, text: str) -> None:
        """Take the next piece."""

    def forget(self) -> None:
        """Discard all pieces so far: the answer begins anew."""


class CitationSafeBuffer:
    """Passes one answer on to a listener.

    Parameters:
      known: whether the context has an id.
    """

    def __init__(self, listener: AnswerListener, known: Callable[[str], bool]) -> None:
        self._listener = listener
        self._known = known
        self._pending = ""
        self._space = ""
        self._told = ""

    def feed(self, piece: str) -> None:
        """Take the next piece from the model."""
        self._pending += piece
        if not self._told and self._is_reasoning():
            return
        end = _safe_end(self._pending)
        if end:
            ready, self._pending = self._pending[:end], self._pending[end:]
            text = self._space + check_part(ready, self._known).text
            self._space = text[len(text.rstrip()) :]  # it may be the end
            self._tell(text.rstrip() if self._told else text.strip())

    def restart(self) -> None:
        """The model begins anew."""
        self._pending = self._space = ""
        if self._told:
            self._told = ""
            self._listener.forget()

    def finish(self, answer: str) -> None:
        """Tell what is left of the checked answer; all of it again, if it is not what was told."""
        if not answer.startswith(self._told):
            self.restart()
        self._tell(answer[len(self._told) :])

    def _tell(self, text: str) -> None:
        if text:
            self._told += text
            self._listener.hear(text)

    def _is_reasoning(self) -> bool:
        """Whether the answer has not begun yet; takes away the reasoning in front of it."""
        begin = self._pending.lstrip()
        if not begin.startswith("<"):
            return not begin
        for end in _REASONING_ENDS:
            before, found, behind = begin.partition(end)
            if found and "<" in before:
                self._pending = behind
                return not behind.strip()
        return True  # also where it is no reasoning: then it is told at the end


def _safe_end(text: str) -> int:
    """How much of it nothing that follows can change."""
    bracket = text.rfind("[")
    is_open = bracket >= 0 and "]" not in text[bracket:] and len(text) - bracket < LONGEST_CITATION
    return len(text[: bracket if is_open else len(text)].rstrip())
