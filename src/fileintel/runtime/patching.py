"""Makes a process green: the standard library and psycopg2 let other greenlets run while they wait."""

import gc
import sys

from fileintel.garbage_collection import THRESHOLDS


def go_green() -> None:
    """Patch the standard library and psycopg2 for gevent. Call it before any other import."""
    # modules stay for good: with Python's own thresholds the collector walks over them again and again while they load
    gc.set_threshold(*THRESHOLDS)
    from gevent import monkey

    monkey.patch_all()
    go_green_database()


def is_green() -> bool:
    """Return whether sockets of this process let other greenlets run while they wait."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("socket"))


def go_green_database() -> None:
    """Let psycopg2 yield while it waits, in a patched process; do nothing in any other."""
    if is_green():
        from psycogreen.gevent import patch_psycopg

        patch_psycopg()


def is_database_green() -> bool:
    """Return whether psycopg2 yields while it waits."""
    from psycopg2 import extensions

    return extensions.get_wait_callback() is not None
