"""Tasks on the document queue, for a prefork worker."""

from typing import Any

from fileintel.celery_config import app
from fileintel.queues import task_name
from fileintel.runs import processing, worker
from fileintel.runs.processing import Order
from fileintel.tasks.work import work_on


@app.task(name=task_name("documents"))  # type: ignore[untyped-decorator]
def process_documents_task(collection_id: str, run_id: str | None = None) -> dict[str, Any]:
    """Read uploaded files into a collection, and cut them into passages.

    Parameters:
      collection_id: name or id of the collection.
      run_id: a run that is queued already, which names the files. A call without it makes its own, which cuts the
        documents that are there and are not cut with the present settings.

    Returns the run as `fileintel tasks show` prints it. Delivered twice, the second one leaves.
    """
    return work_on(run_id or processing.run_for(worker.workspace(), collection_id, Order()))
