"""What callers get about the answer store."""

from pydantic import Field

from fileintel.api.answers import Moment, Thing


class AnswerGroup(Thing):
    """The stored answers of one model for one purpose."""

    model: str
    purpose: str = Field(examples=["extract"])
    answers: int
    bytes: int
    hits: int = Field(description="How often they were used instead of asking again.")
    prompt_tokens: int
    completion_tokens: int
    oldest: Moment
    newest: Moment
    last_used: Moment


class CacheStats(Thing):
    """The answer store. `bytes` of the whole are those on disk, with indexes."""

    answers: int
    bytes: int
    hits: int
    oldest: Moment | None
    newest: Moment | None
    groups: list[AnswerGroup]


class PrunedGroup(Thing):
    """What was removed, or would be, of one model for one purpose."""

    model: str
    purpose: str
    answers: int
    bytes: int
    kept: int


class Pruned(Thing):
    """What was removed, or with `dry_run` would be. `kept` are answers that a run in progress may need."""

    dry_run: bool
    answers: int
    bytes: int
    kept: int
    groups: list[PrunedGroup]
