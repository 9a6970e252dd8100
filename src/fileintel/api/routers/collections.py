"""`/collections`."""

from typing import Any

from fastapi import APIRouter, Depends, Response

from fileintel.api import answers
from fileintel.api.answers import Envelope, success
from fileintel.api.backend import Service
from fileintel.api.paging import Cursor, Limit, page, place_of
from fileintel.api.problems import documented
from fileintel.api.requests import CollectionChange, CollectionName, NewCollection, require_json
from fileintel.services import documents

router = APIRouter(prefix="/collections", tags=["collections"])


@router.get("", response_model=Envelope[answers.Page[answers.Collection]])
def list_collections(service: Service, limit: Limit = 50, cursor: Cursor = None) -> Any:
    """The collections, by name."""
    place = place_of(cursor, str)
    found = documents.page_of_collections(service.workspace(), limit + 1, place[0] if place else None)
    return success(page(found, limit, lambda one: [one.name]))


@router.post(
    "",
    status_code=201,
    response_model=Envelope[answers.Collection],
    responses=documented(400, 409, 415),
    dependencies=[Depends(require_json)],
)
def create_collection(service: Service, body: NewCollection, response: Response) -> Any:
    """Make an empty collection."""
    made = documents.create_collection(service.workspace(), body.name, body.description)
    response.headers["Location"] = f"/api/v2/collections/{made.id}"
    return success(made)


@router.get("/{collection}", response_model=Envelope[answers.Collection], responses=documented(404))
def show_collection(service: Service, collection: CollectionName) -> Any:
    """One collection."""
    return success(documents.show_collection(service.workspace(), collection))


@router.patch(
    "/{collection}",
    response_model=Envelope[answers.Collection],
    responses=documented(400, 404, 415),
    dependencies=[Depends(require_json)],
)
def change_collection(service: Service, collection: CollectionName, body: CollectionChange) -> Any:
    """Change a collection's description, or the language and entity types that it has of its own."""
    changes = {name: getattr(body, name) for name in body.model_fields_set}
    return success(documents.change_collection(service.workspace(), collection, changes))


@router.delete("/{collection}", response_model=Envelope[answers.Collection], responses=documented(404))
def delete_collection(service: Service, collection: CollectionName) -> Any:
    """Delete a collection with its documents, tasks and index. Stored answers are kept."""
    return success(documents.delete_collection(service.workspace(), collection))
