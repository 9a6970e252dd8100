"""The task of an import, on the document queue: for a prefork worker, because large tables take its processor whole."""

from typing import Any

from fileintel.celery_config import app
from fileintel.queues import task_name
from fileintel.tasks.work import work_on


@app.task(name=task_name("import"))  # type: ignore[untyped-decorator]
def import_index_task(collection_id: str, run_id: str) -> dict[str, Any]:
    """Take over the uploaded tables of an index that `graphrag` made.

    Parameters:
      collection_id: name or id of the collection.
      run_id: a run that is queued already, which names the tables.

    Returns the run as `fileintel tasks show` prints it. Delivered twice, the second one leaves.
    """
    return work_on(run_id)
