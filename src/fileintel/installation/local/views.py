"""A run at work in this process: as commands show it, and as they leave it."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from fileintel.errors import RunCancelled
from fileintel.installation.contract import Pressure, Progress
from fileintel.operations import Context

if TYPE_CHECKING:
    from fileintel.runs.run_context import View
    from fileintel.workspace import Workspace


def progress_of(view: "View") -> Progress:
    """The counts of a run, and the pressure on its model server."""
    gate = view.gate
    pressure = Pressure(gate.in_flight, gate.limit, gate.ceiling, gate.throttled, gate.away_seconds)
    known = Progress.of([asdict(stage) for stage in view.stages], view.llm)
    return Progress(known.stages, known.llm, pressure)


def cancelled(workspace: "Workspace", run_id: str) -> RunCancelled:
    """Cancel the run that was just left, which ends it at once; returns the error that ends the command with it."""
    from fileintel.services.runs import OfRun, cancel_run

    cancel_run(Context.local(workspace), OfRun(run=run_id))
    return RunCancelled("the run was cancelled; its answers are kept")
