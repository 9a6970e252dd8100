"""The answer store, for those who look after it: what is in it, and removing what nobody uses any more."""

import re
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from fileintel.errors import UsageError
from fileintel.storage import answers, upkeep
from fileintel.storage.models import utc_now
from fileintel.storage.upkeep import Removed, Stale
from fileintel.workspace import Workspace

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGE = re.compile(rf"(\d{{1,5}})\s*([{''.join(_UNITS)}])", re.IGNORECASE)


def stats(workspace: Workspace) -> dict[str, Any]:
    """Number, size and use of the stored answers, in all and by model and purpose.

    `bytes` of the whole are those on disk, with indexes; those of a group are its answers alone.
    """
    with workspace.database.transaction() as session:
        size = answers.size(session)
        groups = upkeep.groups(session)
    oldest = min((group.oldest for group in groups), default=None)
    newest = max((group.newest for group in groups), default=None)
    return {**asdict(size), **_told({"oldest": oldest, "newest": newest}), "groups": [_told(asdict(g)) for g in groups]}


def prune(
    workspace: Workspace, *, unused_for: str | None = None, model: str | None = None, dry_run: bool = False
) -> dict[str, Any]:
    """Remove answers that were not used for some time, or are of a model, or both. What a run in progress may need
    stays, and is counted as `kept`.

    Parameters:
      unused_for: an age such as "90d": a number and m, h, d or w (minutes to weeks).

    Raises:
      UsageError: no condition is given, or the age is none.
    """
    if unused_for is None and model is None:
        raise UsageError("say what to remove: unused for how long (such as 90d), or of which model")
    stale = Stale(utc_now() - age(unused_for) if unused_for is not None else None, model)
    if dry_run:
        with workspace.database.transaction() as session:
            removed = upkeep.would_remove(session, stale)
    else:
        removed = _summed(list(upkeep.remove(workspace.database, stale)))
    return {
        "dry_run": dry_run,
        "answers": sum(one.answers for one in removed),
        "bytes": sum(one.bytes for one in removed),
        "kept": sum(one.kept for one in removed),
        "groups": [asdict(one) for one in removed],
    }


def age(text: str) -> timedelta:
    """A length of time out of "90d".

    Raises:
      UsageError: it is none.
    """
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no length of time: give a number and m, h, d or w, such as 90d")
    return timedelta(**{_UNITS[match.group(2).lower()]: int(match.group(1))})


def _told(fields: dict[str, Any]) -> dict[str, Any]:
    """The same with times as texts."""
    return {name: one.isoformat() if isinstance(one, datetime) else one for name, one in fields.items()}


def _summed(removed: list[Removed]) -> list[Removed]:
    """One entry for each model and purpose."""
    found: dict[tuple[str, str], Removed] = {}
    for one in removed:
        key = one.model, one.purpose
        so_far = found.get(key, Removed(*key, 0, 0))
        found[key] = Removed(*key, so_far.answers + one.answers, so_far.bytes + one.bytes, so_far.kept + one.kept)
    return [found[key] for key in sorted(found)]
