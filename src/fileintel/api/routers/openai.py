"""`/v1`: collections as the models of an OpenAI-compatible server, so that any chat client can ask them."""

import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from fileintel.api import answer_stream, chat, follow_run, problems
from fileintel.api.answer_stream import PROBLEM, SILENCE
from fileintel.api.backend import Backend, Service
from fileintel.api.chat import ChatRequest
from fileintel.api.chat_errors import PREFIX
from fileintel.api.requests import CollectionName, require_json
from fileintel.errors import NotFoundError
from fileintel.operations import Context
from fileintel.operations.types import OfCollection
from fileintel.runs import questions, submission
from fileintel.runs.answer_stream import RESTART, TEXT
from fileintel.runs.submission import Submitted
from fileintel.services.collections import show_collection
from fileintel.workspace import Workspace

router = APIRouter(prefix=PREFIX, tags=["openai"])


@router.get("/models")
def list_models(service: Service) -> Any:
    """The collections that can be asked: those with an index."""
    return chat.models(questions.collections_to_ask(service.workspace()))


@router.get("/models/{collection}")
def show_model(service: Service, collection: CollectionName) -> Any:
    """One collection that can be asked."""
    name, _ = _asked(service.workspace(), collection)
    found = show_collection(Context.local(service.workspace()), OfCollection(collection=name)).name
    for known, created in questions.collections_to_ask(service.workspace()):
        if known == found:
            return {**chat.models([(known, created)])["data"][0], "id": collection}
    raise NotFoundError(f"collection {found!r} has no index, so it cannot be asked")


@router.post(
    "/chat/completions",
    dependencies=[Depends(require_json)],
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def complete_chat(service: Service, body: ChatRequest) -> Any:
    """Answer the last message from the collection that `model` names. Citations stand behind the answer as text, and
    as objects in `citations`."""

    def submit() -> Submitted:
        workspace, dispatcher = service.workspace(), service.dispatcher()
        name, mode = _asked(workspace, body.model)
        return submission.submit_question(workspace, dispatcher, name, body.query_request(mode))

    submitted = await run_in_threadpool(submit)
    created = int(time.time())
    if body.stream:
        return StreamingResponse(_chunks(service, submitted.run_id, body, created), media_type="text/event-stream")
    reply = await follow_run.wait_for_answer(service, submitted.run_id, body.wait_seconds)
    return chat.completion(body.model, reply, created)


def _asked(workspace: Workspace, model: str) -> tuple[str, str]:
    """The collection and the mode that a model's name stands for.

    Raises:
      UnknownMode: there is the collection, and no such mode.
    """

    def exists(name: str) -> bool:
        with suppress(NotFoundError):
            return bool(show_collection(Context.local(workspace), OfCollection.model_construct(collection=name)))
        return False

    return chat.collection_and_mode(model, exists)


async def _chunks(service: Backend, run_id: str, body: ChatRequest, created: int) -> AsyncIterator[str]:
    """The answer as the protocol streams it."""

    def piece(text: str) -> str:
        return chat.chunk(body.model, run_id, created, {"content": text})

    yield chat.chunk(body.model, run_id, created, {"role": "assistant", "content": ""})
    told = ""
    async for part in answer_stream.read(service, run_id, body.wait_seconds):
        if part.kind == TEXT:
            told += part.data["text"]
            yield piece(part.data["text"])
        elif part.kind == RESTART:
            told = ""
            yield piece(chat.BEGINS_ANEW)
        elif part.kind == SILENCE:
            yield ": still here\n\n"
        elif part.kind == PROBLEM:
            yield chat.error_event(problems.outline(part.data))
        else:
            answer = str(part.data["answer"])
            rest = answer[len(told) :] if answer.startswith(told) else f"{chat.BEGINS_ANEW}{answer}"
            if ending := rest + chat.sources(part.data):
                yield piece(ending)
            with_usage = bool((body.stream_options or {}).get("include_usage"))
            yield chat.last_chunks(body.model, part.data, created, with_usage=with_usage)
