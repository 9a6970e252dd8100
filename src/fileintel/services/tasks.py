"""Tasks, which is what the API calls runs: how they stand, and what happened to them."""

from dataclasses import dataclass
from typing import Any

from fileintel.storage import collections, run_counts, run_events, runs
from fileintel.storage.models import Run
from fileintel.storage.states import ACTIVE_STATES, RunState
from fileintel.workspace import Workspace


def show(workspace: Workspace, run_id: str) -> dict[str, Any]:
    """One task with its stages and its gaps.

    Raises:
      NotFoundError: there is none.
    """
    with workspace.database.transaction() as session:
        run = runs.find(session, run_id)
        return {
            **describe(run),
            "stages": [vars(stage) for stage in run_counts.stages(session, run.id)],
            "gaps": [vars(gap) for gap in run_counts.gaps(session, run.id)],
        }


def list_tasks(
    workspace: Workspace, *, limit: int = 50, after: str | None = None, collection_name: str | None = None
) -> list[dict[str, Any]]:
    """Tasks, the newest first; `after` is the id of the last one of the page before."""
    with workspace.database.transaction() as session:
        collection_id = collections.find(session, collection_name).id if collection_name else None
        before = runs.find(session, after) if after else None
        found = runs.listed(session, before=before, limit=limit, collection_id=collection_id)
        return [describe(run) for run in found]


def events_after(workspace: Workspace, run_id: str, number: int = 0) -> list[dict[str, Any]]:
    """The events of a task behind `number`, in order.

    Raises:
      NotFoundError: there is no such task.
    """
    with workspace.database.transaction() as session:
        runs.find(session, run_id)
        return [
            {"number": e.number, "kind": e.kind, "data": e.data, "created_at": e.created_at.isoformat()}
            for e in run_events.events(session, run_id, number)
        ]


@dataclass(frozen=True)
class News:
    """A task as it stands, and what happened to it since a reader last heard."""

    task: dict[str, Any]
    events: list[dict[str, Any]]


def news(workspace: Workspace, run_id: str, after: int = 0) -> News:
    """A task with its stages, and its events behind number `after`. Once the task is over, these are all.

    Raises:
      NotFoundError: there is no such task.
    """
    task = show(workspace, run_id)  # before the events: an end that is seen here has its event there
    return News(task, events_after(workspace, run_id, after))


@dataclass(frozen=True)
class AnswerStream:
    """What came of a question since a reader last heard: events as (number, kind, data), and the task once it is
    over."""

    events: list[tuple[int, str, dict[str, Any]]]
    task: dict[str, Any] | None


def answer_stream(workspace: Workspace, run_id: str, after: int = 0) -> AnswerStream:
    """The events of a question behind number `after`. Two short reads: it is asked often.

    Raises:
      NotFoundError: there is no such task.
    """
    with workspace.database.transaction() as session:
        task = describe(runs.find(session, run_id))
    # events after the task, in a transaction of its own: an end that is seen has all its events there
    with workspace.database.transaction() as session:
        events = [(e.number, e.kind, e.data) for e in run_events.events(session, run_id, after)]
    return AnswerStream(events, task if is_over(task) else None)


def progress_of(task: dict[str, Any]) -> dict[str, Any]:
    """How far a task as shown has come: what followers are told while it is at work."""
    return {name: task[name] for name in ("state", "stages", "llm", "error")}


def is_over(task: dict[str, Any]) -> bool:
    """Whether a task as shown has come to its end."""
    return RunState(task["state"]) not in ACTIVE_STATES


def describe(run: Run) -> dict[str, Any]:
    """A run as the API and the command line show it."""
    return {
        "id": run.id,
        "kind": run.kind,
        "collection_id": run.collection_id,
        "state": run.state,
        "result": run.result,
        "error": run.error,
        "attempts": run.attempts,
        "owner": run.owner,
        "llm": run.llm,
        "created_at": run.created_at.isoformat(),
        "started_at": run.started_at.isoformat() if run.started_at else None,
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
    }
