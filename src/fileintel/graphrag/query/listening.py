"""Hearing an answer while whoever waits for it can look after other things."""

import queue
from collections.abc import Callable

from fileintel.llm.caller import CallerCancelled
from fileintel.llm.questions import Answered
from fileintel.runtime import make_pool

LONGEST_WAIT_SECONDS = 0.2  # between two looks at the other things


def listen(
    ask: Callable[[Callable[[str], None]], Answered], hear: Callable[[str], None], meanwhile: Callable[[], object]
) -> Answered:
    """What `ask` returns, which reads from a server in a greenlet (or thread) of its own.

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
