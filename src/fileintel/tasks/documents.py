"""Tasks on the document queue, for a prefork worker."""

from contextlib import suppress
from typing import Any

from fileintel.celery_config import app
from fileintel.errors import RunCancelled
from fileintel.graphrag.pipeline import Paused
from fileintel.queues import task_name
from fileintel.runs import dispatch, execute, processing, worker
from fileintel.runs.processing import Order
from fileintel.services import tasks


@app.task(name=task_name("documents"), bind=True)  # type: ignore[untyped-decorator]
def process_documents_task(self: Any, collection_id: str, run_id: str | None = None) -> dict[str, Any]:
    """Read uploaded files into a collection, and cut them into passages.

    Parameters:
      collection_id: name or id of the collection.
      run_id: a run that is queued already, which names the files. A call without it makes its own, which cuts the
        documents that are there and are not cut with the present settings.

    Returns the run as `fileintel tasks show` prints it. Delivered twice, the second one leaves.
    """
    workspace = worker.workspace()
    if run_id is None:
        run_id = processing.submit(workspace, None, collection_id, Order())[0].submitted.run_id
    with suppress(RunCancelled, Paused):  # the run says so
        execute.process_documents(workspace, run_id, dispatch.CeleryDispatcher(self.app))
    return tasks.show(workspace, run_id)
