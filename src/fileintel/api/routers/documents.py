"""`/collections/{collection}/documents`."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from fileintel.api import answers, uploads
from fileintel.api.answers import Envelope
from fileintel.api.backend import Backend, Service
from fileintel.api.problems import documented
from fileintel.api.requests import CollectionName, DocumentName, IdempotencyKey
from fileintel.api.routers.runs import accepted
from fileintel.api.routes import context_of
from fileintel.api.uploads import UploadLimits
from fileintel.operations.types import LARGEST_INTEGER, OfCollection
from fileintel.runs import submission
from fileintel.services import documents
from fileintel.services.collections import show_collection
from fileintel.services.runs import Accepted

router = APIRouter(prefix="/collections/{collection}/documents", tags=["documents"])

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
    response_model=Envelope[Accepted],
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


def _expect(service: Backend, collection: str) -> None:
    """Refuse before gigabytes are on their way."""
    service.dispatcher()
    show_collection(context_of(service), OfCollection(collection=collection))


def _hand_over(service: Backend, collection: str, folder: Path, key: str | None) -> submission.Submitted:
    def submit() -> submission.Submitted:
        return submission.submit_documents(
            service.workspace(), service.dispatcher(), collection, folder, idempotency_key=key
        )

    return uploads.handed_over(folder, submit)
