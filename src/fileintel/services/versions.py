"""The versions of an index: which there are, what each covers, how two differ, and which one answers questions."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from fileintel import storage
from fileintel.operations import GET, POST, Context, Page, PageRequest, Result, Right, operation
from fileintel.operations.paging import page, place_of
from fileintel.operations.types import LARGEST_INTEGER, CollectionName, Moment, OfCollection

if TYPE_CHECKING:
    from fileintel.storage.models import IndexVersion


class Versions(PageRequest):
    """Which page of the versions of a collection's index."""

    collection: CollectionName


class Version(Result):
    """One whole index of a collection."""

    id: str
    number: int
    state: str = Field(examples=["published"])
    current: bool
    run_id: str
    embedding_model: str
    counts: dict[str, Any]
    created_at: Moment
    published_at: Moment | None


class BriefVersion(Result):
    """A version, as far as one has to know it to tell it from others."""

    id: str
    number: int
    published_at: Moment | None


class Rollback(OfCollection):
    """Which version shall answer questions."""

    version: int | None = Field(
        default=None,
        ge=1,
        le=LARGEST_INTEGER,
        description="Its number; null is the newest one before the version in use.",
        examples=[2],
    )


class RolledBack(Result):
    """The version that answered questions before, and the one that does now."""

    collection: str
    before: BriefVersion = Field(validation_alias="from", serialization_alias="from")
    after: BriefVersion = Field(validation_alias="to", serialization_alias="to")
    gaps: int = Field(description="What is missing from the one that does now.")


class BothVersions(OfCollection):
    """Which two versions to compare."""

    older: int | None = Field(
        default=None,
        validation_alias="from",
        serialization_alias="from",
        ge=1,
        le=LARGEST_INTEGER,
        description="Number of the older version; by default the one before.",
    )
    newer: int | None = Field(
        default=None,
        validation_alias="to",
        serialization_alias="to",
        ge=1,
        le=LARGEST_INTEGER,
        description="Number of the newer version; by default the one in use.",
    )
    limit: Annotated[int, Field(ge=1, le=1000, description="How many rows at most.", examples=[50])] = 50


class BothSides(Result):
    """A number of rows in each of two versions."""

    before: int = Field(validation_alias="from", serialization_alias="from")
    after: int = Field(validation_alias="to", serialization_alias="to")


class Change(Result):
    """A thing that is in one version only, or says something else."""

    change: Literal["added", "removed", "changed"]
    id: str
    name: str


class Difference(Result):
    """How the things of one kind differ: totals by change, and the first of each."""

    totals: dict[str, int]
    items: list[Change]


class Comparison(Result):
    """How two versions of an index differ. `counts` are rows by table."""

    collection: str
    before: BriefVersion = Field(validation_alias="from", serialization_alias="from")
    after: BriefVersion = Field(validation_alias="to", serialization_alias="to")
    counts: dict[str, BothSides]
    entities: Difference
    relationships: Difference
    reports: Difference


class OfVersion(OfCollection):
    """Which version to look at."""

    version: int | None = Field(
        default=None, ge=1, le=LARGEST_INTEGER, description="Number of a version; by default the one in use."
    )


class VectorCoverage(Result):
    """The vectors of one kind: how many there should be, and how many are missing."""

    kind: str = Field(examples=["entity_description"])
    items: int
    missing: int


class GapCount(Result):
    """Items of a stage that failed for one reason."""

    stage: str
    reason: str
    items: int


class UnreadPages(Result):
    """Pages of a document that could not be read, or only in part, when it was added."""

    document: str
    first_page: int
    last_page: int
    reason: str


class DocumentCoverage(Result):
    """What of a document the index covers. Nothing was found in `empty` text units; `failed` ones are gaps."""

    id: str
    name: str
    text_units: int
    extracted: int
    empty: int
    failed: int
    entities: int
    reach_a_report: int = Field(description="Entities in a community that has a report.")


class Coverage(Result):
    """What of its documents an index covers, and what is missing from it."""

    collection: str
    version: int
    run_id: str
    text_units: dict[str, int] = Field(description="Those extracted, empty (nothing was found) and failed.")
    entities: dict[str, int]
    communities: dict[str, int]
    vectors: list[VectorCoverage]
    gaps: list[GapCount]
    unread: list[UnreadPages]
    documents: list[DocumentCoverage]


@operation(GET, "/graphrag/{collection}/versions", right=Right.READER, errors=(404,))
def list_index_versions(context: Context, request: Versions) -> Page[Version]:
    """The versions of the index, the newest first."""
    place = place_of(request.cursor, int)
    with context.workspace.database.transaction() as session:
        collection = storage.collections.find(session, request.collection)
        in_use = collection.current_version_id
        found = storage.versions.of_collection(session, collection.id)
    rest = [version for version in found if place is None or version.number < place[0]]
    return page(
        rest[: request.limit + 1],
        request.limit,
        lambda one: [one.number],
        lambda one: Version.of(one, current=one.id == in_use),
    )


@operation(POST, "/graphrag/{collection}/rollback", right=Right.WRITER, errors=(404, 409))
def roll_back_index(context: Context, request: Rollback) -> RolledBack:
    """Let another version answer questions, at once: that of `version`, or the one before the version in use.

    Raises:
      NotFoundError, NoIndexError: there is no such collection or version.
    """
    with context.workspace.database.transaction() as session:
        collection = storage.collections.find(session, request.collection)
        before, after = storage.versions.roll_back(session, collection.id, request.version)
        gaps = len(storage.run_counts.gaps(session, after.run_id))
        return RolledBack(collection=collection.name, before=_brief(before), after=_brief(after), gaps=gaps)


@operation(GET, "/graphrag/{collection}/diff", right=Right.READER, errors=(404, 409))
def compare_versions(context: Context, request: BothVersions) -> Comparison:
    """How two versions differ: counts by table, and the first `limit` things that were added, removed and changed.

    Raises:
      NotFoundError, NoIndexError: there is no such collection or version.
      IndexGone: one of them was deleted meanwhile.
    """
    comparison = storage.comparison
    with context.workspace.database.transaction() as session:
        collection = storage.collections.find(session, request.collection)
        after = storage.versions.numbered(session, collection, request.newer)
        before = (
            storage.versions.before(session, collection, after)
            if request.older is None
            else storage.versions.numbered(session, collection, request.older)
        )
        older, newer = comparison.counts(session, before.id), comparison.counts(session, after.id)

        def difference(kind: str) -> Difference:
            return Difference(**asdict(comparison.difference(session, kind, before.id, after.id, request.limit)))

        differences = [difference(kind) for kind in ("entities", "relationships", "reports")]
        for version in (before, after):
            storage.versions.require(session, version)
        return Comparison(
            collection=collection.name,
            before=_brief(before),
            after=_brief(after),
            counts={table: BothSides(before=older[table], after=newer[table]) for table in comparison.TABLES},
            entities=differences[0],
            relationships=differences[1],
            reports=differences[2],
        )


@operation(GET, "/graphrag/{collection}/coverage", right=Right.READER, errors=(404, 409))
def show_coverage(context: Context, request: OfVersion) -> Coverage:
    """What of its documents the index covers, and what is missing from it.

    Raises:
      NotFoundError, NoIndexError: there is no such collection or version.
      IndexGone: it was deleted meanwhile.
    """
    with context.workspace.database.transaction() as session:
        collection = storage.collections.find(session, request.collection)
        version = storage.versions.numbered(session, collection, request.version)
        found = storage.coverage.of_version(session, version)
        storage.versions.require(session, version)
        return Coverage(collection=collection.name, version=version.number, run_id=version.run_id, **asdict(found))


def _brief(version: "IndexVersion") -> BriefVersion:
    return BriefVersion.of(version)
