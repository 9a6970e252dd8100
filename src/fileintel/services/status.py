"""What a collection's index is and how its last run went: one document, for people and for programs."""

from typing import Any

from sqlalchemy.orm import Session

from fileintel import errors
from fileintel.services.workspace import BUILTIN_MODEL_NAME, Workspace
from fileintel.storage import collections, runs, versions
from fileintel.storage.models import Collection, IndexVersion, Run
from fileintel.storage.states import RunState

NOT_INDEXED = "not_indexed"
_COUNTS = ("documents", "text_units", "entities", "relationships", "communities", "reports", "covariates")
_LLM = ("calls", "cached", "failed", "retries", "prompt_tokens", "completion_tokens", "peak_in_flight")


def index_status(workspace: Workspace, collection_name: str) -> dict[str, Any]:
    """The state of the newest run, and the version that answers questions.

    Raises:
      NotFoundError: there is no such collection.
    """
    with workspace.database.transaction() as session:
        collection = collections.find(session, collection_name)
        return describe(session, collection)


def status_in_use(workspace: Workspace, collection_name: str) -> dict[str, Any]:
    """The same with the run that made the version that answers questions, whatever happened after it.

    Raises:
      NotFoundError, NoIndexError: there is no such collection, or no such version.
    """
    with workspace.database.transaction() as session:
        collection = collections.find(session, collection_name)
        version = versions.current(session, collection)
        return describe(session, collection, runs.find(session, version.run_id))


def describe(session: Session, collection: Collection, run: Run | None = None) -> dict[str, Any]:
    """The status document of a collection, with that run or the newest one."""
    run = run or runs.latest(session, collection.id)
    version = versions.current(session, collection) if collection.current_version_id else None
    counts = version.counts if version else {}
    return {
        "collection": collection.name,
        "collection_id": collection.id,
        "state": run.state if run else NOT_INDEXED,
        "run_id": run.id if run else None,
        "method": run.method if run else None,
        "model": _model_name(run) if run else None,
        "embedding_model": run.models.get("embedding") if run else None,
        "version": _version(version),
        "stages": [vars(stage) for stage in runs.stages(session, run.id)] if run else [],
        "counts": {name: counts.get(name, 0) for name in _COUNTS},
        "llm": {name: (run.llm if run else {}).get(name, 0) for name in _LLM},
        "gaps": [vars(gap) for gap in runs.gaps(session, run.id)] if run else [],
        "error": run.error if run else None,
        "started_at": _iso(run.started_at) if run else None,
        "finished_at": _iso(run.finished_at) if run else None,
    }


def exit_code(status: dict[str, Any]) -> int:
    """How a program that waited for this run should end: 0 done, 1 failed, 3 with gaps, 4 cancelled."""
    return {
        RunState.SUCCEEDED_WITH_GAPS.value: errors.EXIT_GAPS,
        RunState.FAILED.value: errors.EXIT_FAILED,
        RunState.CANCELLED.value: errors.EXIT_CANCELLED,
    }.get(status["state"], errors.EXIT_DONE)


def _model_name(run: Run) -> str:
    if run.models.get("chat_builtin"):
        return BUILTIN_MODEL_NAME
    return str(run.models.get("chat"))


def _version(version: IndexVersion | None) -> dict[str, Any] | None:
    if version is None:
        return None
    return {
        "id": version.id,
        "number": version.number,
        "run_id": version.run_id,
        "published_at": _iso(version.published_at),
    }


def _iso(moment: Any) -> str | None:
    return moment.isoformat() if moment else None
