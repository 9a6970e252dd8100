"""The task of an import, on the document queue: for a prefork worker, because large tables take its processor whole."""

from contextlib import suppress
from typing import Any

from fileintel.celery_config import app
from fileintel.errors import RunCancelled
from fileintel.queues import task_name
from fileintel.runs import import_index, worker
from fileintel.services import tasks


@app.task(name=task_name("import"))  # type: ignore[untyped-decorator]
def import_index_task(collection_id: str, run_id: str) -> dict[str, Any]:
    """Take over the uploaded tables of an index that `graphrag` made.

    Parameters:
      collection_id: name or id of the collection.
      run_id: a run that is queued already, which names the tables.

    Returns the run as `fileintel tasks show` prints it. Delivered twice, the second one leaves.
    """
    workspace = worker.workspace()
    with suppress(RunCancelled):  # the run says so
        import_index.import_uploaded(workspace, run_id)
    return tasks.show(workspace, run_id)
