"""The versions of an index: which there are, what each covers, how two differ, and which one answers questions."""

from dataclasses import asdict
from typing import Any

from fileintel.storage import collections, comparison, coverage, run_counts, versions
from fileintel.storage.models import IndexVersion
from fileintel.workspace import Workspace


def list_versions(workspace: Workspace, collection_name: str) -> list[dict[str, Any]]:
    """The versions of a collection's index, the newest first; `current` is true for the one in use.

    Raises:
      NotFoundError: there is no such collection.
    """
    with workspace.database.transaction() as session:
        collection = collections.find(session, collection_name)
        return [
            {
                "id": version.id,
                "number": version.number,
                "state": version.state,
                "current": version.id == collection.current_version_id,
                "run_id": version.run_id,
                "embedding_model": version.embedding_model,
                "counts": version.counts,
                "created_at": version.created_at.isoformat(),
                "published_at": version.published_at.isoformat() if version.published_at else None,
            }
            for version in versions.of_collection(session, collection.id)
        ]


def roll_back(workspace: Workspace, collection_name: str, number: int | None = None) -> dict[str, Any]:
    """Let an older version answer questions, by default the one before the version in use; or, with its number, any
    that is kept. Takes effect at once, for questions that begin later.

    Raises:
      NotFoundError, NoIndexError: there is no such collection or version.
    """
    with workspace.database.transaction() as session:
        collection = collections.find(session, collection_name)
        was, now = versions.roll_back(session, collection.id, number)
        gaps = len(run_counts.gaps(session, now.run_id))
        return {"collection": collection.name, "from": _brief(was), "to": _brief(now), "gaps": gaps}


def compare(
    workspace: Workspace,
    collection_name: str,
    older: int | None = None,
    newer: int | None = None,
    limit: int = 20,
) -> dict[str, Any]:
    """How two versions differ: counts by table, and what was added, removed and changed, `limit` items of each.

    Parameters:
      newer: number of a version; None is the one in use.
      older: number of a version; None is the newest one before `newer`.

    Raises:
      NotFoundError, NoIndexError: there is no such collection or version.
      IndexGone: one of them was deleted meanwhile.
    """
    with workspace.database.transaction() as session:
        collection = collections.find(session, collection_name)
        after = versions.numbered(session, collection, newer)
        before = (
            versions.before(session, collection, after)
            if older is None
            else versions.numbered(session, collection, older)
        )
        counted = {name: comparison.counts(session, one.id) for name, one in (("from", before), ("to", after))}
        differences = {
            kind: asdict(comparison.difference(session, kind, before.id, after.id, limit)) for kind in comparison.KINDS
        }
        for version in (before, after):
            versions.require(session, version)
        return {
            "collection": collection.name,
            "from": _brief(before),
            "to": _brief(after),
            "counts": {table: {side: counts[table] for side, counts in counted.items()} for table in comparison.TABLES},
            **differences,
        }


def cover(workspace: Workspace, collection_name: str, number: int | None = None) -> dict[str, Any]:
    """What of its documents a version covers (None: the one in use), and what is missing from it.

    Raises:
      NotFoundError, NoIndexError: there is no such collection or version.
      IndexGone: it was deleted meanwhile.
    """
    with workspace.database.transaction() as session:
        collection = collections.find(session, collection_name)
        version = versions.numbered(session, collection, number)
        found = coverage.of_version(session, version)
        versions.require(session, version)
        return {"collection": collection.name, "version": version.number, "run_id": version.run_id, **asdict(found)}


def _brief(version: IndexVersion) -> dict[str, Any]:
    published_at = version.published_at.isoformat() if version.published_at else None
    return {"id": version.id, "number": version.number, "published_at": published_at}
