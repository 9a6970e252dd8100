"""`/graphrag/{collection}/versions` and what is done with versions: compare, roll back, see what they cover."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from fileintel.api import answers, version_answers
from fileintel.api.answers import Envelope, success
from fileintel.api.backend import Service
from fileintel.api.paging import LARGEST_INTEGER, Cursor, Limit, page, place_of
from fileintel.api.problems import documented
from fileintel.api.requests import CollectionName, Rollback, require_json
from fileintel.services import versions

router = APIRouter(prefix="/graphrag", tags=["graphrag"])

VersionNumber = Annotated[
    int | None, Query(ge=1, le=LARGEST_INTEGER, description="Number of a version; by default the one in use.")
]
OlderNumber = Annotated[
    int | None,
    Query(
        alias="from", ge=1, le=LARGEST_INTEGER, description="Number of the older version; by default the one before."
    ),
]
NewerNumber = Annotated[
    int | None,
    Query(alias="to", ge=1, le=LARGEST_INTEGER, description="Number of the newer version; by default the one in use."),
]


@router.get("/{collection}/versions", response_model=Envelope[answers.Page[answers.Version]], responses=documented(404))
def list_index_versions(service: Service, collection: CollectionName, limit: Limit = 50, cursor: Cursor = None) -> Any:
    """The versions of the index, the newest first."""
    place = place_of(cursor, int)
    found = versions.list_versions(service.workspace(), collection)
    rest = [version for version in found if place is None or version["number"] < place[0]]
    return success(page(rest[: limit + 1], limit, lambda one: [one["number"]]))


@router.get("/{collection}/diff", response_model=Envelope[version_answers.Comparison], responses=documented(404, 409))
def compare_versions(
    service: Service,
    collection: CollectionName,
    older: OlderNumber = None,
    newer: NewerNumber = None,
    limit: Limit = 50,
) -> Any:
    """How two versions differ: counts by table, and the first `limit` things that were added, removed and changed."""
    return success(versions.compare(service.workspace(), collection, older, newer, limit))


@router.get("/{collection}/coverage", response_model=Envelope[version_answers.Coverage], responses=documented(404, 409))
def show_coverage(service: Service, collection: CollectionName, version: VersionNumber = None) -> Any:
    """What of its documents the index covers, and what is missing from it."""
    return success(versions.cover(service.workspace(), collection, version))


@router.post(
    "/{collection}/rollback",
    response_model=Envelope[version_answers.RolledBack],
    responses=documented(400, 404, 409, 415),
    dependencies=[Depends(require_json)],
)
def roll_back_index(service: Service, collection: CollectionName, body: Rollback) -> Any:
    """Let another version answer questions, at once: that of `version`, or the one before the version in use."""
    return success(versions.roll_back(service.workspace(), collection, body.version))
