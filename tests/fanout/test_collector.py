"""The garbage collector leaves alone what stays, and finds what is left of it in the end."""

import gc
import time
import weakref

import pytest

from fileintel import garbage_collection
from fileintel.garbage_collection import exempted_from_gc, young_objects_only


class Link:
    """One that can be in a ring."""

    def __init__(self) -> None:
        self.next: Link | None = None


def ring() -> Link:
    one, other = Link(), Link()
    one.next, other.next = other, one
    return one


def test_what_outlives_two_looks_is_left_alone_until_the_end_and_not_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage_collection, "COLLECTED_WHEN_FROZEN", 0)
    thresholds, callbacks = gc.get_threshold(), list(gc.callbacks)
    with young_objects_only():
        with young_objects_only():
            old = ring()
            seen = weakref.ref(old)
            gc.collect(1)
            assert not any(old is each for each in gc.get_objects()), "it is still walked over"
        del old
        gc.collect()
        assert seen() is not None
    assert seen() is None
    assert (gc.get_threshold(), gc.callbacks) == (thresholds, callbacks)


def test_what_is_new_is_left_alone_in_time_although_as_much_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage_collection, "SPARING_SECONDS", 0.01)
    old = [Link() for _ in range(20_000)]
    with young_objects_only():
        gc.collect(1)
        new = []
        while old:  # so Python's own count of new objects stays where it is
            old.pop()
            new.append(Link())
        give_up = time.monotonic() + 30
        while any(each is new[0] or each is new[-1] for each in gc.get_objects()):
            assert time.monotonic() < give_up, "they are still walked over"
            time.sleep(0.01)


def test_what_is_spared_is_never_walked_over() -> None:
    with young_objects_only():
        small, large = exempted_from_gc([ring()]), [ring()] * garbage_collection.SPARED_SIZE
        assert any(each is small for each in gc.get_objects())
        assert exempted_from_gc(large) is large
        assert not any(each is large for each in gc.get_objects())
