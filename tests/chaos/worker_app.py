"""The Celery application as shipped, and one command more: `census` tells what a worker holds at this moment."""

import gc
import threading
from typing import Any

from celery.worker.control import inspect_command

from fileintel.celery_config import app
from fileintel.runs import worker
from fileintel.runtime import is_green

__all__ = ["app"]
KEPT = {"sweeper"}  # threads of ours that live as long as the worker


@inspect_command()  # type: ignore[untyped-decorator]
def census(state: Any) -> dict[str, Any]:
    """Connections in use, requests at the gates, and threads and greenlets of ours that are still there."""
    del state
    workspace = worker.workspace()
    gates = [client.gate.reading() for client in (workspace.chat, workspace.embedder)]
    ours = {"answer_writer", "lease-keeper", "fanout", "sweeper"}
    return {
        "connections": workspace.database.engine.pool.checkedout(),  # type: ignore[attr-defined]
        "requests": sum(gate.in_flight + gate.waiting for gate in gates),
        "threads": sorted({thread.name for thread in threading.enumerate()} & ours - KEPT),
        "greenlets": _greenlets_of_fanouts(),
    }


def _greenlets_of_fanouts() -> int:
    if not is_green():
        return 0
    from gevent import Greenlet

    from fileintel.fanout.fanout import Fanout

    alive = [one for one in gc.get_objects() if isinstance(one, Greenlet) and not one.dead]
    return sum(isinstance(getattr(one._run, "__self__", None), Fanout) for one in alive)
