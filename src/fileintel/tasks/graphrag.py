"""Tasks on the graph queues, for a worker with greenlets (or, without gevent, with processes or threads).

from fileintel.tasks.graphrag import build_graphrag_index_task
build_graphrag_index_task.delay(collection_id="thesis", force_rebuild=False)
"""

from typing import Any

from fileintel.celery_config import app
from fileintel.queues import task_name
from fileintel.runs import execute, help, questions, submission, worker
from fileintel.runs.index_request import IndexRequest
from fileintel.tasks.work import work_on


@app.task(name=task_name("index"))  # type: ignore[untyped-decorator]
def build_graphrag_index_task(
    collection_id: str,
    force_rebuild: bool = False,
    fresh: bool = False,
    run_id: str | None = None,
    method: str | None = None,
    fresh_from: str | None = None,
) -> dict[str, Any]:
    """Build a collection's index, or bring it up to date.

    Parameters:
      collection_id: name or id of the collection.
      force_rebuild: build a new version even if nothing has changed.
      fresh: ask the model everything again.
      run_id: a run that is queued already (the API makes one); a call without it makes its own.
      method: `standard` or `fast`; None is as the settings say.
      fresh_from: ask the model again from this stage on.

    Returns the run as `fileintel tasks show` prints it. Delivered twice, the second one leaves.
    """
    if run_id is None:
        request = IndexRequest.of_options(
            collection_id=collection_id, force_rebuild=force_rebuild, fresh=fresh, method=method, fresh_from=fresh_from
        )
        run_id = submission.submit_index(worker.workspace(), None, request).run_id
    return work_on(run_id)


@app.task(name=task_name("help"), ignore_result=True)  # type: ignore[untyped-decorator]
def help_with_index_task(run_id: str) -> None:
    """Answer questions of an index run that another worker holds, as long as there are any. Lost or delivered twice,
    the message does no harm."""
    help.help_with(worker.workspace(), run_id, worker.PROCESS, worker.stopping)


@app.task(name=task_name("question"))  # type: ignore[untyped-decorator]
def query_graphrag_task(
    collection_id: str, question: str = "", mode: str = "local", run_id: str | None = None
) -> dict[str, Any]:
    """Answer a question from a collection's index; returns what `fileintel graphrag query --json` prints.

    Parameters:
      run_id: a question that is queued already; it then says what is asked.
    """
    workspace = worker.workspace()
    if run_id is not None:
        return execute.answer(workspace, run_id)
    return questions.ask_in_mode(workspace, collection_id, question, mode)
