"""`/graphrag`: building an index, looking at it, asking it."""

from typing import Any

from fastapi import APIRouter, Depends, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from fileintel.api import answer_stream, answers, archives, follow_run, question_answers
from fileintel.api.answers import Envelope, success
from fileintel.api.backend import Service
from fileintel.api.problems import documented
from fileintel.api.requests import CollectionName, IdempotencyKey, IndexRequest, Question, require_json
from fileintel.api.routers.runs import accepted
from fileintel.runs import submission
from fileintel.services import graph
from fileintel.services.runs import Accepted

UNBUFFERED = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}

router = APIRouter(prefix="/graphrag", tags=["graphrag"])


@router.post(
    "/index",
    status_code=202,
    response_model=Envelope[Accepted],
    responses=documented(400, 404, 409, 415),
    dependencies=[Depends(require_json)],
)
def start_index(
    service: Service, body: IndexRequest, response: Response, idempotency_key: IdempotencyKey = None
) -> Any:
    """Build the index of a collection, or bring it up to date. One run at a time works on a collection."""
    submitted = submission.submit_index(
        service.workspace(), service.dispatcher(), body, idempotency_key=idempotency_key
    )
    return accepted(submitted, response)


@router.post(
    "/{collection}/query",
    response_model=Envelope[question_answers.Answer],
    responses=documented(400, 404, 409, 415, 502, 504),
    dependencies=[Depends(require_json)],
)
async def ask_question(service: Service, collection: CollectionName, body: Question) -> Any:
    """Answer a question from the index, with citations. Waits for the answer, or, with `stream`, sends it while it is
    written: events `task`, `text` and `restart` (what came so far does not count), and at the end `answer` with the
    whole checked answer, or `problem`."""

    def submit() -> submission.Submitted:
        return submission.submit_question(service.workspace(), service.dispatcher(), collection, body.query_request())

    submitted = await run_in_threadpool(submit)
    if body.stream:
        events = answer_stream.events(service, submitted.run_id, body.wait_seconds)
        return StreamingResponse(events, media_type="text/event-stream", headers=UNBUFFERED)
    return success(await follow_run.wait_for_answer(service, submitted.run_id, body.wait_seconds))


@router.get(
    "/{collection}/export",
    response_class=StreamingResponse,
    responses=answers.of_type("application/zip", "A ZIP archive.") | documented(404, 409),
)
def export_index(service: Service, collection: CollectionName) -> StreamingResponse:
    """The index in use as graphrag 3.x parquet tables and GraphML, in a ZIP archive.

    The comment of the archive is a JSON object: the rows of each file.
    """
    workspace = service.workspace()
    archive = archives.of_folder(service.spool, lambda folder: graph.export(workspace, collection, folder))
    return archive.as_response("graphrag.zip")
