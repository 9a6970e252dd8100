"""Finds what keeps the hub, which runs all greenlets of a process, from going on."""

import logging
import sys
import time
import traceback
from dataclasses import dataclass
from types import FrameType

from fileintel.runtime.patching import is_green

STALL_SECONDS = 0.1  # the hub is to look after all greenlets at least this often
BEAT_SECONDS = 0.02  # between two signs of life of the hub; a stall is measured to this precision
FRAMES_SHOWN = 8  # calls of the stack that kept the hub waiting

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stalls:
    """How long the hub stood still because one greenlet computed without a pause, or waited without yielding.

    `longest` in seconds, over all time; `count` of those above STALL_SECONDS; `culprit`: the stack of the longest of
    them, innermost call first, in one line.
    """

    longest: float = 0.0
    count: int = 0
    culprit: str = ""


class HubWatcher:
    """Measures how long the hub stands still, and logs which code kept it waiting.

    A timer of the hub gives a sign of life every BEAT_SECONDS; a native thread, which runs also while the hub does
    not, looks at it as often and takes the stack of the greenlet that is running when the sign is overdue. Both
    together cost a few thousandths of a core. A process that did not get the CPU is not a stall: then the stack is
    the hub's own.
    """

    def __init__(self, threshold: float = STALL_SECONDS) -> None:
        from gevent import get_hub, monkey

        self._threshold = threshold
        self._thread_id = monkey.get_original("_thread", "get_ident")()
        self._sleep = monkey.get_original("time", "sleep")
        self._timer = get_hub().loop.timer(BEAT_SECONDS, BEAT_SECONDS, ref=False)
        self._stalls = Stalls()
        self._beat = time.monotonic()
        self._seen: tuple[float, str] | None = None  # the beat that is overdue, and the stack meanwhile
        self._running = True
        self._timer.start(self._alive)
        monkey.get_original("_thread", "start_new_thread")(self._watch, ())

    def stop(self) -> None:
        """Stop watching."""
        self._running = False
        self._timer.stop()
        self._timer.close()

    def stalls(self) -> Stalls:
        """Return the stalls that were seen until now."""
        return self._stalls

    def _alive(self) -> None:
        """Note a sign of life. Runs in the hub, called by its timer."""
        now = time.monotonic()
        seconds, seen = now - self._beat - BEAT_SECONDS, self._seen
        overdue = seen is not None and seen[0] == self._beat
        self._beat, self._seen = now, None
        if overdue and seen is not None and seen[1]:
            self._note(seconds, seen[1])

    def _note(self, seconds: float, culprit: str) -> None:
        before = self._stalls
        longest = seconds > before.longest
        counts = seconds >= self._threshold
        self._stalls = Stalls(
            seconds if longest else before.longest, before.count + counts, culprit if longest else before.culprit
        )
        if counts:
            logger.warning("the hub stood still for %.0f ms, in %s", seconds * 1000, culprit)

    def _watch(self) -> None:
        """Look for signs that are overdue. Runs in a native thread."""
        while self._running:
            self._sleep(BEAT_SECONDS)
            beat = self._beat
            if time.monotonic() - beat > 2.5 * BEAT_SECONDS and self._seen is None:
                frame = sys._current_frames().get(self._thread_id)
                self._seen = (beat, _running_stack(frame))


def _running_stack(frame: FrameType | None) -> str:
    """Return the stack of a greenlet, innermost call first; empty when it is the hub that runs."""
    shown: list[str] = []
    for each, line in traceback.walk_stack(frame) if frame is not None else ():
        path = each.f_code.co_filename
        if path.endswith("gevent/hub.py"):
            return ""
        if len(shown) < FRAMES_SHOWN:
            shown.append(f"{each.f_code.co_name} ({path.rpartition('/')[2]}:{line})")
    return " < ".join(shown)


_watcher: HubWatcher | None = None


def watch_hub() -> None:
    """Watch the hub of this process from now on; do nothing in a process without greenlets, or the second time."""
    global _watcher
    if is_green() and _watcher is None:
        _watcher = HubWatcher()


def hub_stalls() -> Stalls:
    """Return the stalls since `watch_hub`; none where the hub is not watched."""
    return Stalls() if _watcher is None else _watcher.stalls()
