"""Tasks on the embedding queue, for a prefork worker.

from fileintel.tasks.embedding import embed_documents_task
embed_documents_task.delay(collection_id="thesis")
"""

from typing import Any

from celery import shared_task

from fileintel.errors import RunCancelled
from fileintel.graphrag.pipeline import Stopped
from fileintel.services import dispatching, processing, tasks, worker
from fileintel.services.embedding import embed_passages
from fileintel.services.processing import Order


@shared_task(name="fileintel.tasks.embedding.embed_documents_task", bind=True)  # type: ignore[untyped-decorator]
def embed_documents_task(self: Any, collection_id: str, run_id: str | None = None) -> dict[str, Any]:
    """Make the vectors that the passages of a collection lack for the embedding model of the settings.

    Parameters:
      collection_id: name or id of the collection.
      run_id: a run that is queued already; a call without it makes its own, or finds the one that is under way.

    Returns the run as `fileintel tasks show` prints it. Delivered twice, the second one leaves.
    """
    workspace = worker.workspace()
    if run_id is None:
        run_id = processing.submit(workspace, None, collection_id, Order(embed=True))[0].submitted.run_id
    try:
        embed_passages(workspace, run_id, worker.stopping)
    except Stopped:
        dispatching.send_again(workspace, dispatching.CeleryDispatcher(self.app), run_id)
    except RunCancelled:
        pass  # the run says so
    return tasks.show(workspace, run_id)
