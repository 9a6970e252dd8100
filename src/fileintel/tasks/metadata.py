"""Tasks on the queue of the language model, for a prefork worker.

from fileintel.tasks.metadata import extract_metadata_task
extract_metadata_task.delay(collection_id="thesis")
"""

from typing import Any

from celery import shared_task

from fileintel.errors import RunCancelled
from fileintel.graphrag.pipeline import Stopped
from fileintel.services import dispatching, processing, tasks, worker
from fileintel.services.cataloguing import extract_metadata
from fileintel.services.processing import Order


@shared_task(name="fileintel.tasks.metadata.extract_metadata_task", bind=True)  # type: ignore[untyped-decorator]
def extract_metadata_task(self: Any, collection_id: str, run_id: str | None = None) -> dict[str, Any]:
    """Ask the chat model for title, authors, date and the like of each document of a collection.

    Parameters:
      collection_id: name or id of the collection.
      run_id: a run that is queued already; a call without it makes its own, or finds the one that is under way.

    Returns the run as `fileintel tasks show` prints it. Delivered twice, the second one leaves.
    """
    workspace = worker.workspace()
    if run_id is None:
        run_id = processing.submit(workspace, None, collection_id, Order(metadata=True))[0].submitted.run_id
    try:
        extract_metadata(workspace, run_id, worker.stopping)
    except Stopped:
        dispatching.send_again(workspace, dispatching.CeleryDispatcher(self.app), run_id)
    except RunCancelled:
        pass  # the run says so
    return tasks.show(workspace, run_id)
