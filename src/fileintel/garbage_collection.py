"""Keeps Python's garbage collector from stopping all greenlets for longer than a tenth of a second.

The collector looks for rings of objects that nothing else refers to, and nothing else runs while it looks. Objects that
are in no ring are freed without it. Each measure here makes it look at fewer objects, and costs memory: a ring that is
not looked at stays until the next look that includes it.
"""

import gc
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

# Objects that are made before the youngest generation is looked through; then how many such looks before the next older
# one is. Python's own 700 is for small programs: a response alone makes hundreds. It costs the memory of 20,000 objects
# at most, some megabytes.
THRESHOLDS = (20_000, 20, 20)
# While something large is built, nearly everything that is new stays: how many new objects there are before they are
# looked through, and how many looks before they are exempt. A walk over 100,000 took 0.14 s on a busy machine.
SPARING_THRESHOLDS = (5_000, 1)
# Python counts new objects less those that are freed, whatever their age: while old ones go, new ones pile up unseen.
SPARING_SECONDS = 0.5  # the longest time between two looks at what is new
SPARED_SIZE = 5_000  # members of a collection; a walk over a smaller one takes less than 10 ms
COLLECTED_WHEN_FROZEN = 500_000  # exempt objects more than at the start; the look for rings among them takes 0.2 s

C = TypeVar("C", bound=Collection[Any])

_is_calm = False
_kept = 0  # exempt objects at the last look for rings among them
_sparing = 0
_usual_thresholds = THRESHOLDS
_looking = threading.Event()  # set when the last large thing is built


def tune_collector() -> None:
    """Exempt what is there after the start, mostly modules, from garbage collection; to be called when all is imported.

    Without it a walk over everything stopped all greenlets for 128 ms, after every 1,400 model calls. It costs nothing:
    modules stay for good anyway. Further calls in a process do nothing.
    """
    global _is_calm, _kept
    if not _is_calm:
        _is_calm = True
        gc.freeze()
        _kept = gc.get_freeze_count()
        gc.set_threshold(*THRESHOLDS)


@contextmanager
def young_objects_only() -> Iterator[None]:
    """Exempt what has outlived two looks from garbage collection while something large is built.

    Without it the collector walks over millions of objects again and again: a graph of 100,000 entities stopped all
    greenlets for 2 s. It costs a thread that lets the collector look at what is new twice a second, and the memory of
    exempt rings until the end. There all objects are walked over once, in 0.2 s and more, if COLLECTED_WHEN_FROZEN of
    them have become exempt since the last time, in this piece of work or in earlier ones. Blocks may be nested.
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
    """Return `collection`; within `young_objects_only` a large one is exempt at once, as `exempt_from_gc` does it.

    Even a look at what is youngest would walk over all of it several times: a tenth of a second for a million members.
    """
    if len(collection) >= SPARED_SIZE:
        exempt_from_gc()
    return collection


def exempt_from_gc() -> None:
    """Exempt everything that is there now from garbage collection, within `young_objects_only`; else do nothing.

    For code that makes many lists of a middling size. It costs a few microseconds, whatever the number of objects, and
    the memory of rings among them until the outermost block ends.
    """
    if _sparing:
        gc.freeze()
