"""`/collections/{collection}/process` and `/query`: what is made of documents without a graph, and asked of it."""

from typing import Any

from fastapi import APIRouter, Depends, Response
from starlette.concurrency import run_in_threadpool

from fileintel.api import answers, following, question_answers
from fileintel.api.answers import Envelope, success
from fileintel.api.backend import Service
from fileintel.api.problems import documented
from fileintel.api.requests import CollectionName, IdempotencyKey, PassageQuestion, ProcessingOrder, require_json
from fileintel.api.routers.tasks import lead_to, links_to
from fileintel.runs import processing, submission
from fileintel.runs.processing import Order

router = APIRouter(prefix="/collections/{collection}", tags=["documents"], dependencies=[Depends(require_json)])


@router.post(
    "/process",
    status_code=202,
    response_model=Envelope[answers.ProcessingTasks],
    responses=documented(400, 404, 409, 415),
)
def process_documents(
    service: Service,
    collection: CollectionName,
    body: ProcessingOrder,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> Any:
    """Make vectors and metadata of all documents of a collection, a task for each. What is there already is not made
    again, and a task that is under way is given instead of a new one. `Location` leads to the first task."""
    found = processing.submit(
        service.workspace(),
        service.dispatcher(),
        collection,
        Order(embed=body.embed, metadata=body.metadata),
        idempotency_key=idempotency_key,
    )
    listed = [{"kind": one.kind.value, **links_to(one.submitted)} for one in found]
    lead_to(listed[0], response)
    return success({"tasks": listed})


@router.post(
    "/query",
    response_model=Envelope[question_answers.PassageAnswer],
    responses=documented(400, 404, 409, 415, 502, 504),
)
async def ask_passages(service: Service, collection: CollectionName, body: PassageQuestion) -> Any:
    """Answer a question from the passages that are nearest to it, with citations; no index of the graph is needed.
    Waits for the answer."""

    def submit() -> submission.Submitted:
        return submission.submit_passage_question(service.workspace(), service.dispatcher(), collection, body.question)

    submitted = await run_in_threadpool(submit)
    return success(await following.answered(service, submitted.run_id, body.wait_seconds))
