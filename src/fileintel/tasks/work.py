"""Working on a run that a message names: what the tasks of all kinds of runs have in common."""

from typing import Any

from fileintel.celery_config import app
from fileintel.runs import worker
from fileintel.runs.dispatch import CeleryDispatcher
from fileintel.runs.execute import execute_or_hand_on
from fileintel.services.runs import described


def work_on(run_id: str) -> dict[str, Any]:
    """Do a run; returns it as `fileintel tasks show` prints it. Delivered twice, the second message does nothing.

    Raises:
      FileIntelError: the run has failed with this reason.
    """
    execute_or_hand_on(worker.workspace(), run_id, CeleryDispatcher(app), worker.stopping)
    return described(worker.workspace(), run_id).model_dump(mode="json")
