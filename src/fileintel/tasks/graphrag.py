"""Tasks on the graph queues, for a worker with greenlets (or, without gevent, with processes or threads).

from fileintel.tasks.graphrag import build_graphrag_index_task
build_graphrag_index_task.delay(collection_id="thesis", force_rebuild=False)
"""

import logging
from contextlib import suppress
from typing import Any

from fileintel.celery_config import app
from fileintel.errors import BudgetReached, LeaseLost, ServiceUnavailable
from fileintel.graphrag.pipeline import Stopped
from fileintel.graphrag.query.query_request import QueryRequest
from fileintel.queues import task_name
from fileintel.runs import dispatch, execute, help, questions, submission, worker
from fileintel.runs.index import Indexer
from fileintel.runs.index_request import IndexRequest
from fileintel.services import tasks

logger = logging.getLogger(__name__)


@app.task(name=task_name("index"), bind=True)  # type: ignore[untyped-decorator]
def build_graphrag_index_task(
    self: Any,
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
    workspace = worker.workspace()
    if run_id is None:
        request = IndexRequest.of_options(
            collection_id=collection_id, force_rebuild=force_rebuild, fresh=fresh, method=method, fresh_from=fresh_from
        )
        run_id = submission.submit_index(workspace, None, request).run_id
    try:
        dispatcher = dispatch.CeleryDispatcher(self.app)
        Indexer(workspace, stopping=worker.stopping, call_helpers=dispatcher.call_helpers).work_on(run_id)
    except Stopped:
        with suppress(ServiceUnavailable):  # then another worker finds the run
            dispatch.send_again(workspace, dispatch.CeleryDispatcher(self.app), run_id)
    except BudgetReached as error:
        logger.warning("%s", error)  # a person resumes it
    except LeaseLost as error:
        logger.warning("%s", error)  # the other one goes on
    return tasks.show(workspace, run_id)


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
    return questions.ask(workspace, collection_id, QueryRequest(question, mode))
