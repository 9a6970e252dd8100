"""A run at work in this process, as commands show it."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from fileintel.cli.installation.contract import Pressure, Progress

if TYPE_CHECKING:
    from fileintel.runs.run_context import View


def progress_of(view: "View") -> Progress:
    """The counts of a run, and the pressure on its model server."""
    gate = view.gate
    pressure = Pressure(gate.in_flight, gate.limit, gate.ceiling, gate.throttled, gate.away_seconds)
    known = Progress.of([asdict(stage) for stage in view.stages], view.llm)
    return Progress(known.stages, known.llm, pressure)
