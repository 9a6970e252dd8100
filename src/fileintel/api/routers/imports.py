"""`/graphrag/{collection}/import`: an index that `graphrag` made, uploaded and taken over."""

import shutil
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from fileintel.api import uploads
from fileintel.api.answers import Envelope
from fileintel.api.backend import Backend, Service
from fileintel.api.problems import InvalidRequest, documented
from fileintel.api.requests import CollectionName, IdempotencyKey
from fileintel.api.routers.documents import UPLOAD
from fileintel.api.routers.runs import accepted
from fileintel.api.uploads import UploadLimits
from fileintel.errors import IndexFolderError
from fileintel.runs import submission
from fileintel.runs.import_index import check_tables, without_place
from fileintel.services.runs import Accepted

ENDING = ".parquet"

router = APIRouter(prefix="/graphrag", tags=["graphrag"])

Vectors = Annotated[
    bool, Query(description="Whether to make the vectors that the index lacks; without any it cannot be asked.")
]


@router.post(
    "/{collection}/import",
    status_code=202,
    response_model=Envelope[Accepted],
    responses=documented(400, 409, 415),
    openapi_extra={"requestBody": UPLOAD},
)
async def import_index(
    service: Service,
    collection: CollectionName,
    request: Request,
    response: Response,
    vectors: Vectors = True,
    idempotency_key: IdempotencyKey = None,
) -> Any:
    """Take over an index of graphrag, of any version: its Parquet tables as files, `entities.parquet` and so on, with
    `embeddings.*.parquet` if there are any. The collection is made if need be. A worker does it; the task's result
    tells the rows of each table, and what had to be put right."""
    await run_in_threadpool(service.dispatcher)
    folder = await uploads.receive(request, service.spool, UploadLimits.of(service.settings), _check_name)
    submitted = await run_in_threadpool(_hand_over, service, collection, folder, vectors, idempotency_key)
    return accepted(submitted, response)


def _check_name(name: str) -> None:
    if not name.endswith(ENDING):
        raise InvalidRequest(f"{name!r} is no table of an index: send the files that end in {ENDING}")


def _hand_over(service: Backend, collection: str, folder: Path, vectors: bool, key: str | None) -> submission.Submitted:
    def submit() -> submission.Submitted:
        _lay_together(folder)
        try:
            check_tables(folder, service.settings.documents.max_expanded_mb * 1024 * 1024)
        except IndexFolderError as error:
            raise IndexFolderError(without_place(str(error), str(folder))) from error
        return submission.submit_import(
            service.workspace(), service.dispatcher(), collection, folder, vectors=vectors, idempotency_key=key
        )

    return uploads.handed_over(folder, submit)


def _lay_together(folder: Path) -> None:
    """Put the files of an upload, each of which has a folder of its own, beside each other."""
    for path in sorted(folder.glob("*/*")):
        place = folder / path.name
        if place.exists():
            raise InvalidRequest(f"there are two files {path.name!r}: send the tables of one index")
        path.rename(place)
        shutil.rmtree(path.parent)
