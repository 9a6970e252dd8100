"""What a collection's index is and how its last run went: one document, for people and for programs."""

from typing import Any

from sqlalchemy.orm import Session

from fileintel.errors import NotFoundError
from fileintel.storage import collections, graph_rows, run_counts, run_events, runs, versions
from fileintel.storage.models import Collection, IndexVersion, Run
from fileintel.storage.states import RunKind
from fileintel.workspace import BUILTIN_MODEL_NAME, Workspace

NOT_INDEXED = "not_indexed"
_COUNTS = ("documents", "text_units", "entities", "relationships", "communities", "reports", "covariates")
_LLM = (
    "calls",
    "cached",
    "failed",
    "retries",
    "prompt_tokens",
    "completion_tokens",
    "peak_in_flight",
    "workers",
    "longest_unsaved_ms",
)


def index_status(workspace: Workspace, collection_name: str, run_id: str | None = None) -> dict[str, Any]:
    """The state of the newest run, or of that one, and the version that answers questions.

    A run that had nothing to do is shown as the one that made the version in use, and `up_to_date` is true.

    Raises:
      NotFoundError: there is no such collection, or it has no such index run.
      NoIndexError: what was up to date is gone.
    """
    with workspace.database.transaction() as session:
        collection = collections.find(session, collection_name)
        if run_id is None:
            return describe(session, collection)
        run = runs.find(session, run_id)
        if run.collection_id != collection.id or run.kind != RunKind.INDEX.value:
            raise NotFoundError(f"task {run_id} is no index run of {collection.name!r}")
        if (run.result or {}).get(runs.UP_TO_DATE):
            return _in_use(session, collection)
        return describe(session, collection, run)


def status_in_use(workspace: Workspace, collection_name: str) -> dict[str, Any]:
    """The same with the run that made the version that answers questions, whatever happened after it.

    Raises:
      NotFoundError, NoIndexError: there is no such collection, or no such version.
    """
    with workspace.database.transaction() as session:
        return _in_use(session, collections.find(session, collection_name))


def _in_use(session: Session, collection: Collection) -> dict[str, Any]:
    version = versions.current(session, collection)
    return describe(session, collection, runs.find(session, version.run_id), up_to_date=True)


def describe(
    session: Session, collection: Collection, run: Run | None = None, *, up_to_date: bool = False
) -> dict[str, Any]:
    """The status document of a collection, with that run or the newest one."""
    run = run or runs.latest(session, collection.id)
    version = versions.current(session, collection) if collection.current_version_id else None
    counts = version.counts if version else {}
    return {
        "collection": collection.name,
        "collection_id": collection.id,
        "state": run.state if run else NOT_INDEXED,
        "run_id": run.id if run else None,
        "method": (run.method or None) if run else None,  # a run that has not begun to build knows none
        "model": _model_name(run) if run else None,
        "embedding_model": run.models.get("embedding") if run else None,
        "extraction_format": run.models.get("extraction_format") if run else None,
        "prompts": run.prompts if run else {},
        "version": _version(session, version),
        "stages": [vars(stage) for stage in run_counts.stages(session, run.id)] if run else [],
        "counts": {**dict.fromkeys(_COUNTS, 0), **counts},
        "levels": _levels(session, version.id) if version else {},
        "llm": {name: (run.llm if run else {}).get(name, 0) for name in _LLM},
        "records": _records(run),
        "gaps": [vars(gap) for gap in run_counts.gaps(session, run.id)] if run else [],
        "warnings": run_events.warnings(session, run.id) if run else [],
        "error": run.error if run else None,
        "started_at": _iso(run.started_at) if run else None,
        "finished_at": _iso(run.finished_at) if run else None,
        "up_to_date": up_to_date,
    }


def _levels(session: Session, version_id: str) -> dict[str, int]:
    """How many communities there are at each level. The levels are texts, as JSON has them."""
    return {str(level): count for level, count in graph_rows.communities_by_level(session, version_id).items()}


def _model_name(run: Run) -> str | None:
    """The chat model of a run; None before it has begun to build, when nobody knows which one its worker has."""
    if run.models.get("chat_builtin"):
        return BUILTIN_MODEL_NAME
    model = run.models.get("chat")
    return None if model is None else str(model)


def _version(session: Session, version: IndexVersion | None) -> dict[str, Any] | None:
    if version is None:
        return None
    newest = versions.published(session, version.collection_id)[0]
    return {
        "id": version.id,
        "number": version.number,
        "run_id": version.run_id,
        "published_at": _iso(version.published_at),
        "newest": newest.number,
    }


def _records(run: Run | None) -> dict[str, Any]:
    """What became of the records in the model's answers: how many were kept; by reason, dropped and put right."""
    found = run.records if run else {}
    return {"kept": found.get("kept", 0), "dropped": found.get("dropped", {}), "mended": found.get("mended", {})}


def _iso(moment: Any) -> str | None:
    return moment.isoformat() if moment else None
