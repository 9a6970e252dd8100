"""`/collections/{collection}/process` and `/query`: what is made of documents without a graph, and asked of it."""

from typing import Any

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool

from fileintel.api import follow_run, question_answers
from fileintel.api.answers import Envelope, success
from fileintel.api.backend import Service
from fileintel.api.problems import documented
from fileintel.api.requests import CollectionName, PassageQuestion, require_json
from fileintel.runs import submission

router = APIRouter(prefix="/collections/{collection}", tags=["documents"], dependencies=[Depends(require_json)])


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
    return success(await follow_run.wait_for_answer(service, submitted.run_id, body.wait_seconds))
