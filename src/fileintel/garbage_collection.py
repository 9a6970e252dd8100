"""Python's garbage collector where stopping everything for a tenth of a second is too long.

It looks for rings of objects that nobody holds, and nobody runs while it looks. What is no ring is freed without it.
"""

import gc
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

# Objects that are made before the youngest generation is looked through; then how often before the next older one is.
# Python's own 700 is for small programs: a response alone makes hundreds.
THRESHOLDS = (20_000, 20, 20)
# While something large is built, nearly everything that is new stays: after how many new objects they are looked
# through, and how often before they are left alone. A walk over 100,000 took 0.14 s on a busy machine.
SPARING_THRESHOLDS = (5_000, 1)
# Python counts new objects less those that are freed, whatever their age: while old ones go, new ones pile up unseen
SPARING_SECONDS = 0.5  # between two looks at least
SPARED_SIZE = 5_000  # members of a collection; smaller ones are walked through in no time
COLLECTED_WHEN_FROZEN = 500_000  # objects more than at the start; then it is looked for rings, which takes 0.2 s

C = TypeVar("C", bound=Collection[Any])

_is_calm = False
_kept = 0  # objects that were left alone when it was last looked for rings among them
_sparing = 0
_usual_thresholds = THRESHOLDS
_looking = threading.Event()  # set when there is nothing to be spared any more


def tune_collector() -> None:
    """Let the garbage collector leave alone what is there after the start, mostly modules; once in a process, when all
    is imported.

    A walk over everything stopped all greenlets for 128 ms, after every 1,400 model calls.
    """
    global _is_calm, _kept
    if not _is_calm:
        _is_calm = True
        gc.freeze()
        _kept = gc.get_freeze_count()
        gc.set_threshold(*THRESHOLDS)


@contextmanager
def young_objects_only() -> Iterator[None]:
    """While something large is built, the garbage collector leaves alone what has outlived two of its looks.

    It would walk over millions of objects again and again: a graph of 100,000 entities stopped all greenlets for 2 s.
    What is no ring of references is freed all the same. Rings that were left alone are looked for at the end, when
    there can be many of them, of this piece of work and of earlier ones.
    """
    global _kept, _sparing, _usual_thresholds, _looking
    if not _sparing:
        gc.callbacks.append(_spare)
        _looking = threading.Event()
        threading.Thread(target=_look_often, args=(_looking,), name="sparing-collector", daemon=True).start()
        _usual_thresholds = gc.get_threshold()
        gc.set_threshold(*SPARING_THRESHOLDS, _usual_thresholds[2])
    _sparing += 1
    try:
        yield
    finally:
        _sparing -= 1
        if not _sparing:
            _looking.set()
            gc.callbacks.remove(_spare)
            gc.set_threshold(*_usual_thresholds)
            if gc.get_freeze_count() - _kept > COLLECTED_WHEN_FROZEN:
                gc.unfreeze()
                gc.collect()
                gc.freeze()
                _kept = gc.get_freeze_count()


def _look_often(is_over: threading.Event) -> None:
    while not is_over.wait(SPARING_SECONDS):
        gc.collect(1)


def _spare(phase: str, info: dict[str, int]) -> None:
    if phase == "stop" and info["generation"]:
        gc.freeze()  # moves a list, whatever its length


def exempted_from_gc(collection: C) -> C:
    """The same. A large one is left alone by a sparing collector at once: even a look at what is youngest would walk
    through all of it, several times, a tenth of a second for a million members."""
    if len(collection) >= SPARED_SIZE:
        exempt_from_gc()
    return collection


def exempt_from_gc() -> None:
    """Let a sparing collector leave alone what is there now: for those who make many lists of a middling size."""
    if _sparing:
        gc.freeze()
