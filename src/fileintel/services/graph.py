"""Looking at a published index: its entities, relationships, communities and reports."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from fileintel.errors import IndexGone, NotFoundError
from fileintel.graphrag.contexts.context import SECTIONS
from fileintel.graphrag.contexts.stored_context import stored_text
from fileintel.runs.active_run import INDEXING, refuse_while_busy
from fileintel.storage import collections, graph_rows, prompts, runs, versions
from fileintel.storage.graph_rows import RowRange
from fileintel.storage.models import Base, Community, IndexVersion
from fileintel.storage.states import RunKind
from fileintel.workspace import Workspace

_IDS = ("id", "human_readable_id")
_HIDDEN = frozenset({"version_id", "context"})  # a context is shown by itself


@dataclass(frozen=True)
class Slice:
    """Which rows of a list: those after `after` (a human_readable_id; None = from the first), `limit` at most.

    `version_id` holds a reader of several pages to the version of the first one; None is the one in use.
    """

    limit: int = 50
    after: int | None = None
    version_id: str | None = None


def list_entities(
    workspace: Workspace, collection: str, part: Slice, matching: str | None = None
) -> list[dict[str, Any]]:
    """Entities in order; `matching` is looked for in titles and types.

    Raises, as all functions here:
      NotFoundError, NoIndexError: there is no such collection, or it has no index.
      IndexGone: the index was deleted while it was read.
    """
    return _rows(workspace, collection, part, partial(graph_rows.entities, matching=matching))


def list_relationships(
    workspace: Workspace, collection: str, part: Slice, matching: str | None = None
) -> list[dict[str, Any]]:
    """Relationships in order; `matching` is looked for in the titles of both ends."""
    return _rows(workspace, collection, part, partial(graph_rows.relationships, matching=matching))


def list_communities(
    workspace: Workspace, collection: str, part: Slice, level: int | None = None
) -> list[dict[str, Any]]:
    """Communities in order, of one level or of all."""
    return _rows(workspace, collection, part, partial(graph_rows.communities, level=level))


def list_reports(workspace: Workspace, collection: str, part: Slice, level: int | None = None) -> list[dict[str, Any]]:
    """Community reports in order, of one level or of all."""
    return _rows(workspace, collection, part, partial(graph_rows.reports, level=level))


def show_community(workspace: Workspace, collection: str, number: int) -> dict[str, Any]:
    """A community with its members, its report (None where that is a gap), and how much its context left out.

    Raises:
      NotFoundError: the index has no such community.
    """
    with workspace.database.transaction() as session:
        version = _current(session, collection)
        community = _community(session, version, collection, number)
        report = graph_rows.report(session, version.id, number)
        found = {
            **_as_dict(community),
            "entities": [_as_dict(one) for one in graph_rows.members(session, community)],
            "relationships": [_as_dict(one) for one in graph_rows.links(session, community)],
            "report": _as_dict(report) if report else None,
            "left_out": community.context["left_out"] if community.context else {},
            "cut": {kind: len(rows) for kind, rows in _cut(community).items()},
        }
        versions.require(session, version)
        return found


def show_context(workspace: Workspace, collection: str, number: int) -> dict[str, Any]:
    """What the model was given to write a community's report: `text`, its `tokens`, the human-readable ids of its
    `rows` by kind, how many rows sub-reports stand for (`represented`), how many were `left_out`, and the ids of
    those whose text was `cut`.

    Raises:
      NotFoundError: the index has no such community, or no report was asked for here (in an imported index).
    """
    with workspace.database.transaction() as session:
        version = _current(session, collection)
        community = _community(session, version, collection, number)
        if community.context is None:
            raise NotFoundError(
                f"the report of community {number} was not asked for here: what it was written from is not known"
            )
        found = {
            "community": community.community,
            "level": community.level,
            "text": stored_text(session, community),
            "tokens": community.context["tokens"],
            **{
                part: {kind: community.context[part][kind] for kind in SECTIONS if kind in community.context[part]}
                for part in ("rows", "represented", "left_out")
            },
            "cut": {kind: sorted(map(int, rows)) for kind, rows in _cut(community).items()},
        }
        versions.require(session, version)
        return found


def _cut(community: Community) -> dict[str, dict[str, int]]:
    """Which rows of a report's context were cut, by kind and id; versions of earlier releases do not tell."""
    cut: dict[str, dict[str, int]] = (community.context or {}).get("cut", {})
    return {kind: cut[kind] for kind in SECTIONS if kind in cut}


def version_in_use(workspace: Workspace, collection: str) -> str:
    """The id of the version that answers questions, for a `Slice`."""
    with workspace.database.transaction() as session:
        return _current(session, collection).id


def export(workspace: Workspace, collection: str, directory: Path) -> dict[str, int]:
    """Write the index in use as graphrag's tables and GraphML; returns the rows by file.

    Raises:
      ExportError: it cannot be written there; nothing half-written is left.
    """
    # pyarrow takes longer to import than a list of entities to read
    from fileintel.graphrag.export import export_index

    with workspace.database.transaction() as session:
        version = _current(session, collection)
    return export_index(workspace.database, version, directory)


def unpack_export(directory: Path, fetch: Callable[[Path], None]) -> dict[str, int]:
    """Write an index that comes as an archive of the API into a folder, as `export` does, and with what it returns.

    Parameters:
      fetch: writes the archive into the file that it is given.

    Raises:
      ExportError: it cannot be written there, or this is no such archive; nothing half-written is left.
    """
    from fileintel.graphrag.export.archive import unpack

    return unpack(directory, fetch)


def delete_index(workspace: Workspace, collection_name: str) -> int:
    """Delete all versions of a collection's index, the runs that made them, and the questions to them; returns the
    number of versions.

    Raises:
      ActiveRunError: a run is at work on it.
    """
    with workspace.database.transaction() as session:
        collection = collections.find(session, collection_name)
        refuse_while_busy(session, collection, INDEXING)
        versions.locked_collection(session, collection.id)
        found = versions.of_collection(session, collection.id)
        versions.drop_all(session, [version.id for version in found])
        runs.forget(session, collection.id, (RunKind.INDEX, RunKind.QUESTION))
    with workspace.database.transaction() as session:
        prompts.drop_unused(session)
    return len(found)


def _community(session: Session, version: IndexVersion, collection: str, number: int) -> Community:
    community = graph_rows.community(session, version.id, number)
    if community is None:
        versions.require(session, version)
        raise NotFoundError(
            f"the index of {collection!r} has no community {number}: "
            f"`fileintel graphrag communities {shlex.quote(collection)}` lists them"
        )
    return community


def _rows(
    workspace: Workspace, collection: str, part: Slice, listed: Callable[[Session, RowRange], Sequence[Base]]
) -> list[dict[str, Any]]:
    with workspace.database.transaction() as session:
        version = _chosen(session, collection, part.version_id)
        rows = [_as_dict(row) for row in listed(session, RowRange(version.id, part.limit, part.after))]
        versions.require(session, version)  # else it may be empty because the version was dropped in between
        return rows


def _chosen(session: Session, collection_name: str, version_id: str | None) -> IndexVersion:
    if version_id is None:
        return _current(session, collection_name)
    collection = collections.find(session, collection_name)
    version = versions.find(session, version_id)
    if version is None or version.collection_id != collection.id:
        raise IndexGone(f"the index of {collection.name!r} that was listed is gone: start from the first page")
    return version


def _current(session: Session, collection: str) -> IndexVersion:
    return versions.current(session, collections.find(session, collection))


def _as_dict(row: Base) -> dict[str, Any]:
    """A row as the command line and the API show it, what it goes by in front."""
    others = [c.key for c in row.__table__.columns if c.key not in (*_IDS, *_HIDDEN)]
    return {name: getattr(row, name) for name in (*_IDS, *others)}
