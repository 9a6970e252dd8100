"""Tasks on the queue of questions to passages, for a prefork worker.

from fileintel.tasks.questions import answer_question_task
answer_question_task.delay(collection_id="thesis", question="Who built the lighthouse?").get()
"""

from typing import Any

from fileintel.celery_config import app
from fileintel.queues import task_name
from fileintel.runs import execute, questions, worker


@app.task(name=task_name("passage_question"))  # type: ignore[untyped-decorator]
def answer_question_task(collection_id: str, question: str = "", run_id: str | None = None) -> dict[str, Any]:
    """Answer a question from the passages of a collection that are nearest to it; returns what
    `fileintel query --json` prints.

    Parameters:
      collection_id: name or id of the collection.
      run_id: a question that is queued already; it then says what is asked.
    """
    workspace = worker.workspace()
    if run_id is not None:
        return execute.answer(workspace, run_id)
    return questions.ask_passages(workspace, collection_id, question)
