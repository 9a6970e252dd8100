"""Long computations in slices of time, between which other greenlets run."""

import heapq
import itertools
import select
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, TypeVar

from fileintel.runtime.patching import is_green

HUB_PAUSE_SECONDS = 0.0005  # sleep(0) does not let waiting greenlets run enough; half a millisecond does
TIME_SLICE_SECONDS = 0.01  # computing between two pauses: well below the 100 ms that count as a stall
FREED_AT_ONCE = 1_000  # members of a collection
ITEMS_BETWEEN_LOOKS = 64  # items of a loop that does little with each, between two looks at the clock
SORTED_AT_ONCE = 5_000  # items; sorting them takes some thousandths of a second

T = TypeVar("T")


def in_native_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Call `function(*arguments)` in a native thread, so that other greenlets go on meanwhile; return its result.

    It must not touch what yields (sockets, locks). In a process without greenlets it is simply called.
    """
    if not is_green():
        return function(*arguments)
    from gevent import get_hub

    result: T = get_hub().threadpool.apply(function, arguments)
    return result


@cache
def _plain_poll() -> Callable[[], Any]:
    """Return the operating system's poll; the patched one would let other greenlets run."""
    if not is_green():
        return select.poll
    from gevent import monkey

    poll: Callable[[], Any] = monkey.get_original("select", "poll")
    return poll


def has_arrived(descriptor: int) -> bool:
    """Return whether an idle socket has something to be read: data, or that the other side has closed it.

    It waits for nothing, and lets no other greenlet run.
    """
    poll = _plain_poll()()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def free_in_slices(*collections: dict[Any, Any] | list[Any]) -> None:
    """Empty large collections piece by piece: to free a million objects at once takes tenths of a second.

    It costs a call for each member of a dictionary, and a pause of half a millisecond in each 10 ms of work.
    """
    for collection in collections:
        while collection:
            if isinstance(collection, dict):
                for _ in range(min(FREED_AT_ONCE, len(collection))):
                    collection.popitem()
            else:
                del collection[-FREED_AT_ONCE:]
            yield_to_hub()


_last_pause = 0.0
_last_round = 0.0  # of the hub


def yield_to_hub() -> None:
    """Let other greenlets run, from the middle of a long computation.

    To be called often: it pauses once in a time slice only, for half a millisecond, which is a twentieth of the
    computing time. It never pauses in a process without greenlets, nor when the hub has had its turn since the last
    call, because the caller had to wait for something else: a question that waits for the database a dozen times
    would otherwise pause three times for nothing, a millisecond each.
    """
    global _last_pause, _last_round
    if is_green() and time.monotonic() - _last_pause > TIME_SLICE_SECONDS:
        if _round_of_hub() == _last_round:
            time.sleep(HUB_PAUSE_SECONDS)
        _last_pause, _last_round = time.monotonic(), _round_of_hub()


def _round_of_hub() -> float:
    """Return when the hub last looked which greenlets can go on, by its own clock."""
    from gevent import get_hub

    return float(get_hub().loop.now())


def yielding(items: Iterable[T]) -> Iterator[T]:
    """Yield the items; other greenlets run now and then between two of them."""
    for count, item in enumerate(items):
        if not count % ITEMS_BETWEEN_LOOKS:
            yield_to_hub()
        yield item


def sorted_in_slices(items: Iterable[T], key: Callable[[T], Any]) -> Iterator[T]:
    """Yield the items as `sorted` orders them; many are sorted in portions, between which other greenlets run.

    Equal items keep their order. Merging the portions takes one comparison by heap for each item more than `sorted`.
    """
    rest = iter(items)
    portions = []
    while portion := list(itertools.islice(rest, SORTED_AT_ONCE)):
        portions.append(sorted(portion, key=key))
        yield_to_hub()
    return yielding(heapq.merge(*portions, key=key) if len(portions) > 1 else itertools.chain(*portions))
