"""What may be asked of an index run, and what a run remembers of it."""

import shlex
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fileintel.errors import ConflictError
from fileintel.graphrag import pipeline
from fileintel.storage.answers import Freshness
from fileintel.storage.models import Run


@dataclass(frozen=True)
class IndexRequest:
    """What is asked for.

    Parameters:
      force: build even when nothing has changed.
      fresh: ask the model everything again.
      method: another one than that of the settings.
      fresh_from: the stage from which on it is asked again.
      fresh_since: answers that came after this moment are fresh enough; None: after the beginning of the run.
      retry_of: the run whose gaps are to be closed.
    """

    collection: str
    force: bool = False
    fresh: bool = False
    method: str | None = None
    fresh_from: str | None = None
    fresh_since: datetime | None = None
    retry_of: str | None = None

    @classmethod
    def of(cls, run: Run) -> "IndexRequest":
        """What a run was made for."""
        wanted = run.parameters
        since = wanted.get("fresh_since")
        return cls(
            run.collection_id,
            force=bool(wanted.get("force")),
            fresh=run.fresh,
            method=wanted.get("method"),
            fresh_from=wanted.get("fresh_from"),
            fresh_since=datetime.fromisoformat(since) if since else None,
            retry_of=wanted.get("retry_of"),
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """The same as a run keeps it.

        Raises:
          UsageError: there is no such stage.
        """
        if self.fresh_from is not None:
            pipeline.asked_afresh_from(self.fresh_from)
        optional = {
            "fresh_from": self.fresh_from,
            "fresh_since": self.fresh_since.isoformat() if self.fresh_since else None,
            "retry_of": self.retry_of,
        }
        given = {name: value for name, value in optional.items() if value is not None}
        return {"force": self.force, "fresh": self.fresh, "method": self.method, **given}

    def asks_no_more_than(self, run: Run) -> bool:
        """Whether an unfinished run asks at least as much afresh as this request wants."""
        if run.fresh:
            return True
        if self.fresh:
            return False
        theirs = run.parameters.get("fresh_from")
        if self.fresh_from is None or theirs is None:
            return self.fresh_from is None
        return pipeline.asked_afresh_from(self.fresh_from) <= pipeline.asked_afresh_from(theirs)


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
    """Which stored answers a run does not use. Its own it does: they are younger than itself."""
    request = IndexRequest.of(run)
    since = request.fresh_since or run.created_at
    if request.fresh:
        return Freshness(since)
    return None if request.fresh_from is None else Freshness(since, pipeline.asked_afresh_from(request.fresh_from))


def embeds_afresh(run: Run) -> bool:
    """Whether a run asks for all vectors again, so that they may have another size than before."""
    fresh = freshness(run)
    return fresh is not None and (fresh.purposes is None or "embed" in fresh.purposes)
