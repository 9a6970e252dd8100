"""Tasks on the embedding queue, for a prefork worker.

from fileintel.tasks.embedding import embed_documents_task
embed_documents_task.delay(collection_id="thesis")
"""

from typing import Any

from fileintel.celery_config import app
from fileintel.queues import task_name
from fileintel.runs import processing, worker
from fileintel.runs.processing import Order
from fileintel.tasks.work import work_on


@app.task(name=task_name("embedding"))  # type: ignore[untyped-decorator]
def embed_documents_task(collection_id: str, run_id: str | None = None) -> dict[str, Any]:
    """Make the vectors that the passages of a collection lack for the embedding model of the settings.

    Parameters:
      collection_id: name or id of the collection.
      run_id: a run that is queued already; a call without it makes its own, or finds the one that is under way.

    Returns the run as `fileintel tasks show` prints it. Delivered twice, the second one leaves.
    """
    return work_on(run_id or processing.run_for(worker.workspace(), collection_id, Order(embed=True)))
