"""What a collection's index is and how its last run went: one document, for people and for programs."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from fileintel import storage
from fileintel.errors import NotFoundError
from fileintel.operations import GET, Context, Result, Right, operation
from fileintel.operations.types import Moment, OfCollection
from fileintel.services.runs import Gap, Stage

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from fileintel.storage.models import Collection, IndexVersion, Run
    from fileintel.workspace import Workspace

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


class VersionInUse(Result):
    """The version that answers questions."""

    id: str
    number: int
    run_id: str
    published_at: Moment | None
    newest: int = Field(description="Number of the newest version; a higher one is out of use by a rollback.")


class Records(Result):
    """What became of the records in the model's answers."""

    kept: int
    dropped: dict[str, int] = Field(description="How many could not be kept, by reason.")
    mended: dict[str, int] = Field(description="How many were put right, by reason.")


class Warned(Result):
    """Something that a run warns of."""

    stage: str
    message: str


class Status(Result):
    """The newest index run of a collection, and the version in use."""

    collection: str
    collection_id: str
    state: str = Field(examples=["succeeded", "not_indexed"])
    run_id: str | None
    method: str | None
    model: str | None
    embedding_model: str | None
    extraction_format: str | None = Field(examples=["tuple", "json"])
    prompts: dict[str, str] = Field(description="SHA-256 of the prompts that were in use, by name.")
    version: VersionInUse | None
    stages: list[Stage]
    counts: dict[str, int]
    levels: dict[str, int] = Field(description="Communities of the version in use, by level.", examples=[{"0": 9}])
    llm: dict[str, int]
    records: Records
    gaps: list[Gap]
    warnings: list[Warned]
    error: str | None
    started_at: Moment | None
    finished_at: Moment | None
    up_to_date: bool = Field(description="There was nothing to do: this is the run that made the version in use.")


class IndexRun(OfCollection):
    """Which run of a collection."""

    run: Annotated[str | None, Field(max_length=100, description="Id of an index run; without it, the newest one.")] = (
        None
    )


@operation(GET, "/graphrag/{collection}/status", right=Right.READER, errors=(404, 409))
def show_index_status(context: Context, request: IndexRun) -> Status:
    """How the newest run stands, or that one, and which version answers questions.

    Returns:
      A run that had nothing to do is shown as the one that made the version in use, and `up_to_date` is true.

    Raises:
      NotFoundError: there is no such collection, or it has no such index run.
      NoIndexError: what was up to date is gone.
    """
    from fileintel.storage.states import RunKind

    with context.workspace.database.transaction() as session:
        collection = storage.collections.find(session, request.collection)
        if request.run is None:
            return _described(session, collection)
        run = storage.runs.find(session, request.run)
        if run.collection_id != collection.id or run.kind != RunKind.INDEX.value:
            raise NotFoundError(f"task {request.run} is no index run of {collection.name!r}")
        if (run.result or {}).get(storage.runs.UP_TO_DATE):
            return _in_use(session, collection)
        return _described(session, collection, run)


def status_in_use(workspace: "Workspace", collection_name: str) -> Status:
    """The status with the run that made the version that answers questions, whatever happened after it.

    Raises:
      NotFoundError, NoIndexError: there is no such collection, or no such version.
    """
    with workspace.database.transaction() as session:
        return _in_use(session, storage.collections.find(session, collection_name))


def _in_use(session: "Session", collection: "Collection") -> Status:
    version = storage.versions.current(session, collection)
    return _described(session, collection, storage.runs.find(session, version.run_id), up_to_date=True)


def _described(
    session: "Session", collection: "Collection", run: "Run | None" = None, *, up_to_date: bool = False
) -> Status:
    """The status of a collection, with that run or the newest one."""
    run = run or storage.runs.latest(session, collection.id)
    version = storage.versions.current(session, collection) if collection.current_version_id else None
    counts = version.counts if version else {}
    models: dict[str, Any] = run.models if run else {}
    counted = storage.run_counts
    return Status(
        collection=collection.name,
        collection_id=collection.id,
        state=run.state if run else NOT_INDEXED,
        run_id=run.id if run else None,
        method=(run.method or None) if run else None,  # a run that has not begun to build knows none
        model=_model_name(models),
        embedding_model=models.get("embedding"),
        extraction_format=models.get("extraction_format"),
        prompts=run.prompts if run else {},
        version=_version(session, version) if version else None,
        stages=[Stage.of(stage) for stage in counted.stages(session, run.id)] if run else [],
        counts={**dict.fromkeys(_COUNTS, 0), **counts},
        levels=_levels(session, version.id) if version else {},
        llm={name: (run.llm if run else {}).get(name, 0) for name in _LLM},
        records=_records(run.records if run else {}),
        gaps=[Gap.of(gap) for gap in counted.gaps(session, run.id)] if run else [],
        warnings=[Warned(**one) for one in storage.run_events.warnings(session, run.id)] if run else [],
        error=run.error if run else None,
        started_at=run.started_at if run else None,
        finished_at=run.finished_at if run else None,
        up_to_date=up_to_date,
    )


def _levels(session: "Session", version_id: str) -> dict[str, int]:
    """How many communities there are at each level. The levels are texts, as JSON has them."""
    by_level = storage.graph_rows.communities_by_level(session, version_id)
    return {str(level): count for level, count in by_level.items()}


def _model_name(models: dict[str, Any]) -> str | None:
    """The chat model of a run; None before it has begun to build: only then its worker tells which one it has."""
    from fileintel.workspace import BUILTIN_MODEL_NAME

    if models.get("chat_builtin"):
        return BUILTIN_MODEL_NAME
    model = models.get("chat")
    return None if model is None else str(model)


def _version(session: "Session", version: "IndexVersion") -> VersionInUse:
    newest = storage.versions.published(session, version.collection_id)[0]
    return VersionInUse.of(version, newest=newest.number)


def _records(found: dict[str, Any]) -> Records:
    return Records(kept=found.get("kept", 0), dropped=found.get("dropped", {}), mended=found.get("mended", {}))
