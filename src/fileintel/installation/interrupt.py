"""Ctrl-C: the first one during a long run asks for a clean stop, any other one ends the command at once."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType

from fileintel.errors import EXIT_INTERRUPTED

STOPPING = "stopping: what is under way is awaited and kept; Ctrl-C again drops it"


class Interrupted(SystemExit):
    """The command was interrupted. No KeyboardInterrupt, for which gevent prints a traceback where it hits one of
    its own greenlets."""

    def __init__(self) -> None:
        super().__init__(EXIT_INTERRUPTED)


class Parted(Interrupted):
    """The command was interrupted, and what it has begun is not lost.

    Parameters:
      farewell: what to tell the person: what becomes of it, and how to come back to it.
    """

    def __init__(self, farewell: str) -> None:
        super().__init__()
        self.farewell = farewell


def leave(number: int, frame: FrameType | None) -> None:
    """End the command; a signal handler."""
    raise Interrupted


class Stop:
    """Hears Ctrl-C: the first one asks for a clean stop, the second one ends at once."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise Interrupted
        self.asked = True
        with contextlib.suppress(RuntimeError):  # the signal came in the middle of a write to the same stream
            print(STOPPING, file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def heard(self) -> Iterator["Stop"]:
        """Listen within the block; SIGTERM counts as well."""
        before = {number: signal.signal(number, self) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
