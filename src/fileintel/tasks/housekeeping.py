"""Tasks on the default queue: what keeps an installation tidy. Workers send them now and then; a person may, too.

celery -A fileintel.celery_config:app call fileintel.tasks.housekeeping.clean_up_task
"""

from typing import Any

from fileintel.celery_config import app
from fileintel.queues import task_name
from fileintel.runs import dispatch, housekeeping, worker


@app.task(name=task_name("clean_up"), bind=True)  # type: ignore[untyped-decorator]
def clean_up_task(self: Any) -> dict[str, int]:
    """Send runs without a worker to one, and delete what is not needed any more; returns how many of each."""
    return housekeeping.clean_up(worker.workspace(), dispatch.CeleryDispatcher(self.app))
