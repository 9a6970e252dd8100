"""Looking at a published index: its entities, relationships, communities and reports; and deleting it."""

import shlex
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import Field

from fileintel import storage
from fileintel.errors import IndexGone, NotFoundError
from fileintel.operations import DELETE, GET, Context, Page, PageRequest, Result, Right, operation
from fileintel.operations.paging import BadCursor, page, place_of
from fileintel.operations.types import LARGEST_INTEGER, CollectionName, OfCollection
from fileintel.storable import Text

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from fileintel.storage.graph_rows import RowRange
    from fileintel.storage.models import Community as CommunityRow
    from fileintel.storage.models import IndexVersion
    from fileintel.workspace import Workspace


class GraphRows(PageRequest):
    """Which rows of an index."""

    collection: CollectionName
    after: int | None = Field(
        default=None,
        ge=0,
        le=LARGEST_INTEGER,
        description="Only those behind this human_readable_id; a cursor is stronger.",
    )


class NamedRows(GraphRows):
    """Which entities or relationships."""

    matching: Text | None = Field(
        default=None, max_length=1000, description="Only those with this text in their names."
    )


class LevelRows(GraphRows):
    """Which communities or reports."""

    level: int | None = Field(
        default=None, ge=0, le=LARGEST_INTEGER, description="Only communities of this level; 0 = the largest."
    )


class OfCommunity(OfCollection):
    """Which community."""

    number: Annotated[int, Field(ge=0, le=LARGEST_INTEGER, description="The community's number.")]


class Entity(Result):
    """A node of the graph."""

    id: str
    human_readable_id: int
    title: str = Field(examples=["LIGHTHOUSE"])
    type: str
    types: list[str] = Field(description="All types that it was given, the most frequent one first.")
    description: str
    text_unit_ids: list[str]
    frequency: int
    degree: int


class Relationship(Result):
    """An edge of the graph."""

    id: str
    human_readable_id: int
    source: str
    target: str
    description: str
    weight: float
    combined_degree: int
    text_unit_ids: list[str]


class Community(Result):
    """A cluster of entities. `parent` is -1 at the top."""

    id: str
    human_readable_id: int
    community: int
    level: int
    parent: int
    children: list[int]
    title: str
    entity_ids: list[str]
    relationship_ids: list[str]
    text_unit_ids: list[str]
    period: str
    size: int
    residual: bool


class Report(Result):
    """What the model wrote about a community."""

    id: str
    human_readable_id: int
    community: int
    level: int
    parent: int
    children: list[int]
    title: str
    summary: str
    full_content: str
    rank: float
    rating_explanation: str
    findings: list[Any]
    full_content_json: str
    period: str
    size: int


class CommunityWithMembers(Community):
    """A community with its members and its report, null where that is a gap."""

    entities: list[Entity]
    relationships: list[Relationship]
    report: Report | None
    left_out: dict[str, int] = Field(description="How many rows of each kind its report was written without.")
    cut: dict[str, int] = Field(description="How many rows of each kind were cut short for it.")


class ReportContext(Result):
    """What the model was given to write a community's report."""

    community: int
    level: int
    text: str
    tokens: int
    rows: dict[str, list[int]] = Field(description="Human-readable ids by kind, in the order of the text.")
    represented: dict[str, int] = Field(description="How many rows reports of sub-communities stand for.")
    left_out: dict[str, int] = Field(description="How many rows there was no room for.")
    cut: dict[str, list[int]] = Field(description="Human-readable ids of the rows whose text was cut short, by kind.")


class Deleted(Result):
    """What was deleted."""

    versions: int = Field(description="Index versions that are gone.")


GraphRow = TypeVar("GraphRow", bound=Result)


# Every operation here raises NotFoundError or NoIndexError where there is no such collection, or no index of it, and
# IndexGone where the index was deleted while it was read.


@operation(GET, "/graphrag/{collection}/entities", right=Right.READER, errors=(404, 409))
def list_entities(context: Context, request: NamedRows) -> Page[Entity]:
    """The entities; `matching` is looked for in titles and types."""
    read = partial(storage.graph_rows.entities, matching=request.matching)
    return _page(context, request, "entities", read, Entity)


@operation(GET, "/graphrag/{collection}/relationships", right=Right.READER, errors=(404, 409))
def list_relationships(context: Context, request: NamedRows) -> Page[Relationship]:
    """The relationships; `matching` is looked for in the titles of both ends."""
    read = partial(storage.graph_rows.relationships, matching=request.matching)
    return _page(context, request, "relationships", read, Relationship)


@operation(GET, "/graphrag/{collection}/communities", right=Right.READER, errors=(404, 409))
def list_communities(context: Context, request: LevelRows) -> Page[Community]:
    """The communities, of one level or of all."""
    read = partial(storage.graph_rows.communities, level=request.level)
    return _page(context, request, "communities", read, Community)


@operation(GET, "/graphrag/{collection}/reports", right=Right.READER, errors=(404, 409))
def list_reports(context: Context, request: LevelRows) -> Page[Report]:
    """The community reports, of one level or of all."""
    read = partial(storage.graph_rows.reports, level=request.level)
    return _page(context, request, "reports", read, Report)


@operation(GET, "/graphrag/{collection}/communities/{number}", right=Right.READER, errors=(404, 409))
def show_community(context: Context, request: OfCommunity) -> CommunityWithMembers:
    """One community: its members and its report.

    Raises:
      NotFoundError: the index has no such community.
    """
    graph_rows = storage.graph_rows
    with context.workspace.database.transaction() as session:
        version = _current(session, request.collection)
        community = _community(session, version, request)
        report = graph_rows.report(session, version.id, request.number)
        found = CommunityWithMembers.of(
            community,
            entities=[Entity.of(one) for one in graph_rows.members(session, community)],
            relationships=[Relationship.of(one) for one in graph_rows.links(session, community)],
            report=Report.of(report) if report else None,
            left_out=community.context["left_out"] if community.context else {},
            cut={kind: len(rows) for kind, rows in _cut(community).items()},
        )
        storage.versions.require(session, version)
        return found


@operation(GET, "/graphrag/{collection}/communities/{number}/context", right=Right.READER, errors=(404, 409))
def show_context(context: Context, request: OfCommunity) -> ReportContext:
    """What the model was given to write a community's report, and what there was no room for.

    Raises:
      NotFoundError: the index has no such community, or no report was asked for here (in an imported index).
    """
    from fileintel.graphrag.contexts.context import SECTIONS
    from fileintel.graphrag.contexts.stored_context import stored_text

    with context.workspace.database.transaction() as session:
        version = _current(session, request.collection)
        community = _community(session, version, request)
        known = community.context
        if known is None:
            raise NotFoundError(
                f"the report of community {request.number} was not asked for here: what it was written from is not "
                f"known"
            )

        def part(name: str) -> dict[str, Any]:
            return {kind: known[name][kind] for kind in SECTIONS if kind in known[name]}

        found = ReportContext(
            community=community.community,
            level=community.level,
            text=stored_text(session, community),
            tokens=known["tokens"],
            rows=part("rows"),
            represented=part("represented"),
            left_out=part("left_out"),
            cut={kind: sorted(map(int, rows)) for kind, rows in _cut(community).items()},
        )
        storage.versions.require(session, version)
        return found


@operation(DELETE, "/graphrag/{collection}/index", right=Right.WRITER, errors=(404, 409))
def delete_index(context: Context, request: OfCollection) -> Deleted:
    """Delete all versions of the index, its runs, and questions to it. Documents and stored answers are kept.

    Raises:
      ActiveRunError: a run is at work on it.
    """
    from fileintel.runs.active_run import INDEXING, refuse_while_busy
    from fileintel.storage.states import RunKind

    with context.workspace.database.transaction() as session:
        collection = storage.collections.find(session, request.collection)
        refuse_while_busy(session, collection, INDEXING)
        storage.versions.locked_collection(session, collection.id)
        found = storage.versions.of_collection(session, collection.id)
        storage.versions.drop_all(session, [version.id for version in found])
        storage.runs.forget(session, collection.id, (RunKind.INDEX, RunKind.QUESTION))
    with context.workspace.database.transaction() as session:
        storage.prompts.drop_unused(session)
    return Deleted(versions=len(found))


def export(workspace: "Workspace", collection: str, directory: Path) -> dict[str, int]:
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


def _page(
    context: Context,
    request: GraphRows,
    listed: str,
    read: "Callable[[Session, RowRange], Sequence[Any]]",
    kind: type[GraphRow],
) -> Page[GraphRow]:
    """A page of one version: the cursor holds to it when another one is published in between. It names its list too,
    because all of them have the same numbers, and rows would be passed over without a word."""
    place = place_of(request.cursor, str, str, int)
    if place is not None and place[0] != listed:
        raise BadCursor(f"the cursor is one of another list: take `next_cursor` of the {listed}, unchanged")
    version_id, after = place[1:] if place is not None else (None, request.after)
    with context.workspace.database.transaction() as session:
        version = _chosen(session, request.collection, version_id)
        rows = read(session, storage.graph_rows.RowRange(version.id, request.limit + 1, after))
        storage.versions.require(session, version)  # else it may be empty because the version was dropped in between
    return page(rows, request.limit, lambda one: [listed, version.id, one.human_readable_id], kind.of)


def _chosen(session: "Session", collection_name: str, version_id: str | None) -> "IndexVersion":
    if version_id is None:
        return _current(session, collection_name)
    collection = storage.collections.find(session, collection_name)
    version = storage.versions.find(session, version_id)
    if version is None or version.collection_id != collection.id:
        raise IndexGone(f"the index of {collection.name!r} that was listed is gone: start from the first page")
    return version


def _current(session: "Session", collection: str) -> "IndexVersion":
    return storage.versions.current(session, storage.collections.find(session, collection))


def _community(session: "Session", version: "IndexVersion", request: OfCommunity) -> "CommunityRow":
    community = storage.graph_rows.community(session, version.id, request.number)
    if community is None:
        storage.versions.require(session, version)
        raise NotFoundError(
            f"the index of {request.collection!r} has no community {request.number}: "
            f"`fileintel graphrag communities {shlex.quote(request.collection)}` lists them"
        )
    return community


def _cut(community: "CommunityRow") -> dict[str, dict[str, int]]:
    """Which rows of a report's context were cut, by kind and id; versions of earlier releases do not tell."""
    from fileintel.graphrag.contexts.context import SECTIONS

    cut: dict[str, dict[str, int]] = (community.context or {}).get("cut", {})
    return {kind: cut[kind] for kind in SECTIONS if kind in cut}
