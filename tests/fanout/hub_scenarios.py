"""What the watcher of the hub sees; run in a process with greenlets."""

import time
from typing import Any

import gevent

from fileintel.runtime import HubWatcher


def compute(seconds: float) -> None:
    """Without a pause."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def a_greenlet_computes_too_long() -> dict[str, Any]:
    """Twice, between others that behave."""
    watcher = HubWatcher()
    gevent.joinall([gevent.spawn(gevent.sleep, 0.05), gevent.spawn(compute, 0.3)])
    gevent.sleep(0.1)
    compute(0.6)
    gevent.sleep(0.1)
    watcher.stop()
    return vars(watcher.stalls())


def a_greenlet_blocks_without_yielding() -> dict[str, Any]:
    """In a call that gevent does not know of."""
    from gevent import monkey

    watcher = HubWatcher()
    gevent.sleep(0.05)
    monkey.get_original("time", "sleep")(0.4)
    gevent.sleep(0.1)
    watcher.stop()
    return vars(watcher.stalls())


def nobody_does_anything() -> dict[str, Any]:
    """The hub waits, which is not standing still."""
    watcher = HubWatcher()
    gevent.sleep(0.5)
    watcher.stop()
    return vars(watcher.stalls())
