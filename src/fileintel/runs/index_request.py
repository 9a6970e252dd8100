"""The request for an index: one type for the command line, the HTTP body, the Celery task and the row of a run.

A new option of `graphrag index` is a field of `IndexRequest`, an option of the command, and what it changes.
"""

import shlex
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from fileintel.errors import ConflictError, UsageError
from fileintel.graphrag import pipeline
from fileintel.storable import Text
from fileintel.storage.answers import Freshness
from fileintel.storage.models import Run


class IndexRequest(BaseModel):
    """An index to build."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    collection: Text = Field(
        min_length=1,
        max_length=1000,
        validation_alias=AliasChoices("collection_id", "collection"),
        serialization_alias="collection_id",
        description="Name or id of the collection.",
        examples=["thesis"],
    )
    force: bool = Field(
        default=False,
        validation_alias=AliasChoices("force_rebuild", "force"),
        serialization_alias="force_rebuild",
        description="Build a new version even if nothing has changed.",
    )
    fresh: bool = Field(default=False, description="Ask the model everything again, whatever it has answered before.")
    method: Literal["standard", "fast"] | None = Field(
        default=None,
        description="`fast` makes the graph of the noun phrases, without the model; null is as the settings say.",
    )
    fresh_from: Text | None = Field(
        default=None,
        max_length=100,
        description="Ask again from this stage on; what comes before is taken from the stored answers.",
        examples=["report"],
    )

    @classmethod
    def of_options(cls, **options: Any) -> Self:
        """Check options by name, such as the arguments of a Celery task.

        Raises:
          UsageError: an option is not known, or its value cannot be used.
        """
        try:
            return cls.model_validate(options)
        except ValidationError as error:
            first = error.errors()[0]
            raise UsageError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None

    @staticmethod
    def of(run: Run) -> "IndexRequest":
        """Read the request that a run was made for; a `GapRequest` where it closes the gaps of an earlier run."""
        kind = GapRequest if "retry_of" in run.parameters else IndexRequest
        kept = {name: run.parameters[name] for name in kind.model_fields if name in run.parameters}
        return kind.model_validate({**kept, "collection": run.collection_id, "fresh": run.fresh}, strict=False)

    @property
    def parameters(self) -> dict[str, Any]:
        """The request as the row of its run keeps it, without the collection.

        Raises:
          UsageError: there is no such stage.
        """
        if self.fresh_from is not None:
            pipeline.asked_afresh_from(self.fresh_from)
        return {"method": None} | self.model_dump(mode="json", exclude={"collection"}, exclude_none=True)

    def body(self) -> dict[str, Any]:
        """The request as a JSON body of the HTTP API."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def asks_no_more_than(self, run: Run) -> bool:
        """Tell whether an unfinished run asks the model at least as much afresh as this request wants."""
        if run.fresh:
            return True
        if self.fresh:
            return False
        theirs = run.parameters.get("fresh_from")
        if self.fresh_from is None or theirs is None:
            return self.fresh_from is None
        return pipeline.asked_afresh_from(self.fresh_from) <= pipeline.asked_afresh_from(theirs)


class GapRequest(IndexRequest):
    """An index to build again for the gaps of the run `retry_of`. Answers that came after `fresh_since` are fresh
    enough; without it, those that came after the beginning of the run."""

    fresh_since: datetime | None = None
    retry_of: str


class RunIsPaused(ConflictError):
    """The collection's run is paused."""

    code = "run_paused"

    def __init__(self, run_id: str, collection: str) -> None:
        name = shlex.quote(collection)
        super().__init__(
            f"the run of {collection!r} is paused (task {run_id}): `fileintel graphrag resume {name}` lets it go on, "
            f"`fileintel graphrag cancel {name}` ends it"
        )
        self.run_id = run_id


def freshness(run: Run) -> Freshness | None:
    """Tell which stored answers are too old for a run; None where it uses all. Its own are younger than itself."""
    request = IndexRequest.of(run)
    since = (request.fresh_since if isinstance(request, GapRequest) else None) or run.created_at
    if request.fresh:
        return Freshness(since)
    return None if request.fresh_from is None else Freshness(since, pipeline.asked_afresh_from(request.fresh_from))


def embeds_afresh(run: Run) -> bool:
    """Whether a run asks for all vectors again, so that they may have another size than before."""
    fresh = freshness(run)
    return fresh is not None and (fresh.purposes is None or "embed" in fresh.purposes)
