"""What the tasks have in common that work on a collection as a whole."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from celery import Celery

from fileintel.errors import RunCancelled
from fileintel.graphrag.pipeline import Stopped
from fileintel.runs import dispatch, processing, worker
from fileintel.runs.processing import Order
from fileintel.services import tasks
from fileintel.workspace import Workspace

Work = Callable[[Workspace, str, Callable[[], bool]], object]


def worked_on(app: Celery, collection_id: str, run_id: str | None, order: Order, work: Work) -> dict[str, Any]:
    """A run as `fileintel tasks show` prints it, after `work` was done on it. Without a run's id it makes its own, or
    finds the one that is under way. Where this worker is to stop, the run's message is sent to another one."""
    workspace = worker.workspace()
    if run_id is None:
        run_id = processing.submit(workspace, None, collection_id, order)[0].submitted.run_id
    try:
        with suppress(RunCancelled):  # the run says so
            work(workspace, run_id, worker.stopping)
    except Stopped:
        dispatch.send_again(workspace, dispatch.CeleryDispatcher(app), run_id)
    return tasks.show(workspace, run_id)
