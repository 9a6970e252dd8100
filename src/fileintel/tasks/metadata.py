"""Tasks on the queue of the language model, for a prefork worker.

from fileintel.tasks.metadata import extract_metadata_task
extract_metadata_task.delay(collection_id="thesis")
"""

from typing import Any

from fileintel.celery_config import app
from fileintel.queues import task_name
from fileintel.runs import processing, worker
from fileintel.runs.processing import Order
from fileintel.tasks.work import work_on


@app.task(name=task_name("metadata"))  # type: ignore[untyped-decorator]
def extract_metadata_task(collection_id: str, run_id: str | None = None) -> dict[str, Any]:
    """Ask the chat model for title, authors, date and the like of each document of a collection.

    Parameters:
      collection_id: name or id of the collection.
      run_id: a run that is queued already; a call without it makes its own, or finds the one that is under way.

    Returns the run as `fileintel tasks show` prints it. Delivered twice, the second one leaves.
    """
    return work_on(run_id or processing.run_for(worker.workspace(), collection_id, Order(metadata=True)))
