"""The answer store, for those who look after it: what is in it, and removing what is not used any more."""

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import Field

from fileintel import storage
from fileintel.errors import UsageError
from fileintel.operations import GET, POST, Context, Nothing, Request, Result, Right, operation
from fileintel.operations.types import Moment
from fileintel.storable import Text

if TYPE_CHECKING:
    from fileintel.storage.upkeep import Removed

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGE = re.compile(rf"(\d{{1,5}})\s*([{''.join(_UNITS)}])", re.IGNORECASE)


class AnswerGroup(Result):
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


class CacheStats(Result):
    """The answer store. `bytes` of the whole are those on disk, with indexes."""

    answers: int
    bytes: int
    hits: int
    oldest: Moment | None
    newest: Moment | None
    groups: list[AnswerGroup]


class Pruning(Request):
    """Which stored answers to remove. Both conditions must hold where both are given; one has to be."""

    unused_for: Text | None = Field(
        default=None,
        max_length=20,
        description="Only those that were not used for so long: a number and m, h, d or w.",
        examples=["90d"],
    )
    model: Text | None = Field(default=None, max_length=1000, description="Only those of this model.")
    dry_run: bool = Field(default=False, description="Only say what would be removed.")


class PrunedGroup(Result):
    """What was removed, or would be, of one model for one purpose."""

    model: str
    purpose: str
    answers: int
    bytes: int
    kept: int


class Pruned(Result):
    """What was removed, or with `dry_run` would be. `kept` are answers that a run in progress may need."""

    dry_run: bool
    answers: int
    bytes: int
    kept: int
    groups: list[PrunedGroup]


class CheckRequest(Request):
    """How to check the stored answers."""

    dry_run: bool = Field(default=False, description="Only say what is not whole, and mark nothing.")


class CheckedGroup(Result):
    """How many answers of one model for one purpose are not whole."""

    model: str
    purpose: str
    answers: int
    cut_short: int


class Checked(Result):
    """How many of the stored answers are not whole. They are asked for again by the next run that needs them."""

    dry_run: bool
    answers: int
    cut_short: int
    groups: list[CheckedGroup]


@operation(GET, "/cache", right=Right.READER)
def show_cache(context: Context, request: Nothing) -> CacheStats:
    """How many answers are stored, how large they are and how often they were used, by model and purpose."""
    with context.workspace.database.transaction() as session:
        size = storage.answers.size(session)
        groups = [AnswerGroup.model_validate(group) for group in storage.upkeep.groups(session)]
    return CacheStats(
        answers=size.answers,
        bytes=size.bytes,
        hits=size.hits,
        oldest=min((group.oldest for group in groups), default=None),
        newest=max((group.newest for group in groups), default=None),
        groups=groups,
    )


@operation(POST, "/cache/prune", right=Right.ADMIN)
def prune_cache(context: Context, request: Pruning) -> Pruned:
    """Remove answers that were not used for some time, or are of a model. What a run in progress may need stays.

    Raises:
      UsageError: no condition is given, or the age is none.
    """
    if request.unused_for is None and request.model is None:
        raise UsageError("say what to remove: unused for how long (such as 90d), or of which model")
    now = storage.models.utc_now()
    stale = storage.upkeep.Stale(
        now - age(request.unused_for) if request.unused_for is not None else None, request.model
    )
    database = context.workspace.database
    if request.dry_run:
        with database.transaction() as session:
            removed = storage.upkeep.would_remove(session, stale)
    else:
        removed = _summed(list(storage.upkeep.remove(database, stale)))
    return Pruned(
        dry_run=request.dry_run,
        answers=sum(one.answers for one in removed),
        bytes=sum(one.bytes for one in removed),
        kept=sum(one.kept for one in removed),
        groups=[PrunedGroup.model_validate(one) for one in removed],
    )


@operation(POST, "/cache/check", right=Right.ADMIN)
def check_cache(context: Context, request: CheckRequest) -> Checked:
    """Read every stored answer again, and mark those that are not whole: JSON without its end, records without their
    completion mark, descriptions that end in the middle of a sentence."""
    from fileintel.graphrag.stored_flaw import stored_flaw

    counts: dict[tuple[str, str], list[int]] = {}
    for found in storage.upkeep.check(
        context.workspace.database,
        lambda one: stored_flaw(one.purpose, one.content, one.finish_reason),
        mark=not request.dry_run,
    ):
        so_far = counts.setdefault((found.model, found.purpose), [0, 0])
        so_far[0] += found.answers
        so_far[1] += found.cut_short
    groups = [
        CheckedGroup(model=model, purpose=purpose, answers=answers, cut_short=cut_short)
        for (model, purpose), (answers, cut_short) in sorted(counts.items())
    ]
    return Checked(
        dry_run=request.dry_run,
        answers=sum(group.answers for group in groups),
        cut_short=sum(group.cut_short for group in groups),
        groups=groups,
    )


def age(text: str) -> timedelta:
    """A length of time out of "90d".

    Raises:
      UsageError: it is none.
    """
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no length of time: give a number and m, h, d or w, such as 90d")
    return timedelta(**{_UNITS[match.group(2).lower()]: int(match.group(1))})


def _summed(removed: "list[Removed]") -> "list[Removed]":
    """One entry for each model and purpose."""
    found: dict[tuple[str, str], Removed] = {}
    for one in removed:
        key = one.model, one.purpose
        so_far = found.get(key, storage.upkeep.Removed(*key, 0, 0))
        found[key] = storage.upkeep.Removed(
            *key, so_far.answers + one.answers, so_far.bytes + one.bytes, so_far.kept + one.kept
        )
    return [found[key] for key in sorted(found)]
