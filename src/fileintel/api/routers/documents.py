"""`/collections/{collection}/documents`."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from fileintel.api import answers, uploads
from fileintel.api.answers import Envelope, success
from fileintel.api.backend import Backend, Service
from fileintel.api.paging import LARGEST_INTEGER, Cursor, Limit, page, place_of
from fileintel.api.problems import documented
from fileintel.api.requests import CollectionName, DocumentName, IdempotencyKey, MetadataChanges, require_json
from fileintel.api.routers.tasks import accepted
from fileintel.api.uploads import UploadLimits
from fileintel.runs import submission
from fileintel.services import documents

router = APIRouter(prefix="/collections/{collection}/documents", tags=["documents"])
anywhere = APIRouter(prefix="/documents", tags=["documents"])

# the handler reads the stream itself, so FastAPI does not know what is in it
UPLOAD = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": [uploads.FIELD],
                "additionalProperties": False,
                "properties": {
                    uploads.FIELD: {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": uploads.MOST_FILES,
                        "items": {"type": "string", "contentMediaType": "application/octet-stream"},
                    }
                },
            }
        }
    },
}


@router.post(
    "",
    status_code=202,
    response_model=Envelope[answers.Accepted],
    responses=documented(400, 404, 415),
    openapi_extra={"requestBody": UPLOAD},
)
async def upload_documents(
    service: Service,
    collection: CollectionName,
    request: Request,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> Any:
    """Take files in; a worker reads them. Files that cannot be read are gaps of the task."""
    await run_in_threadpool(_expect, service, collection)
    folder = await uploads.receive(request, service.spool, UploadLimits.of(service.settings))
    submitted = await run_in_threadpool(_hand_over, service, collection, folder, idempotency_key)
    return accepted(submitted, response)


@router.get("", response_model=Envelope[answers.Page[answers.Document]], responses=documented(404))
def list_documents(service: Service, collection: CollectionName, limit: Limit = 50, cursor: Cursor = None) -> Any:
    """The documents of a collection, by name."""
    place = place_of(cursor, str, str)
    after = (place[0], place[1]) if place else None
    found = documents.page_of_documents(service.workspace(), collection, limit + 1, after)
    return success(page(found, limit, lambda one: [one["name"], one["sha256"]]))


@router.get("/{document}", response_model=Envelope[answers.Document], responses=documented(404, 409))
def show_document(service: Service, collection: CollectionName, document: DocumentName) -> Any:
    """One document."""
    return success(documents.show_document(service.workspace(), document, collection))


@router.get(
    "/{document}/text",
    response_class=StreamingResponse,
    responses=answers.of_type("text/plain", "The text.") | documented(404, 409),
)
def read_document_text(
    service: Service,
    collection: CollectionName,
    document: DocumentName,
    page_number: Annotated[
        int | None, Query(alias="page", ge=1, le=LARGEST_INTEGER, description="Only this page, from 1.")
    ] = None,
) -> StreamingResponse:
    """A document's text as plain text, or that of one page."""
    parts: Iterator[str] = documents.document_text(service.workspace(), document, collection, page_number)
    first = next(parts, "")  # before the answer begins, so that what is not there is a 404
    return StreamingResponse(chain([first], parts), media_type="text/plain; charset=utf-8")


@router.patch(
    "/{document}",
    response_model=Envelope[answers.Document],
    responses=documented(400, 404, 409, 415),
    dependencies=[Depends(require_json)],
)
def edit_document(service: Service, collection: CollectionName, document: DocumentName, body: MetadataChanges) -> Any:
    """Set what a person knows better about a document. It wins over what a model extracted or the file says, and a
    later extraction leaves it alone; null falls back to those."""
    changes = body.model_dump(exclude_unset=True)
    return success(documents.edit_document(service.workspace(), document, changes, collection))


@router.delete("/{document}", response_model=Envelope[answers.Document], responses=documented(404, 409))
def delete_document(service: Service, collection: CollectionName, document: DocumentName) -> Any:
    """Delete a document. Its traces leave the index when that is built again."""
    return success(documents.delete_document(service.workspace(), document, collection))


@anywhere.get("/{document}", response_model=Envelope[answers.FoundDocument], responses=documented(404, 409))
def find_document(service: Service, document: DocumentName) -> Any:
    """One document, whatever collection it is in. A name that several documents have is refused with their ids."""
    return success(documents.find_document(service.workspace(), document))


def _expect(service: Backend, collection: str) -> None:
    """Refuse before gigabytes are on their way."""
    service.dispatcher()
    documents.show_collection(service.workspace(), collection)


def _hand_over(service: Backend, collection: str, folder: Path, key: str | None) -> submission.Submitted:
    def submit() -> submission.Submitted:
        return submission.submit_documents(
            service.workspace(), service.dispatcher(), collection, folder, idempotency_key=key
        )

    return uploads.handed_over(folder, submit)
