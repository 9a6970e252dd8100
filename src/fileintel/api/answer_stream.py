"""Read an answer while a worker writes it: from the events of its run, a few times a second.

In between neither a thread nor a connection is held, however many callers read.
"""

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import anyio
from starlette.concurrency import run_in_threadpool

from fileintel.api import follow_run, problems
from fileintel.api.backend import Backend
from fileintel.api.problems import NoAnswerYet, QuestionFailed, ShuttingDown, about_task
from fileintel.errors import DatabaseUnavailable, FileIntelError, NotFoundError
from fileintel.runs.answer_stream import RESTART, TEXT
from fileintel.services.runs import AnswerNews, Run, answer_news

SHORTEST_PAUSE_SECONDS = 0.05  # stored answers come at once
LONGEST_PAUSE_SECONDS = 0.5  # while nothing comes; a writing model says something each quarter of a second
HEARTBEAT_SECONDS = 15.0  # proxies close connections that are silent for 30 to 60 s
ANSWER, PROBLEM, SILENCE = "answer", "problem", "silence"


@dataclass(frozen=True)
class AnswerPart:
    """Something about an answer: TEXT with its next piece, RESTART, SILENCE for a while, and at the end ANSWER with
    the whole reply or PROBLEM with an error."""

    kind: str
    data: Any


async def read(backend: Backend, run_id: str, seconds: float) -> AsyncIterator[AnswerPart]:
    """What comes of a question, up to its end or for `seconds`."""
    give_up = time.monotonic() + seconds
    pause, after, spoke_at = SHORTEST_PAUSE_SECONDS, 0, time.monotonic()
    while True:
        try:
            progress = await run_in_threadpool(_look, backend, run_id, after)
        except DatabaseUnavailable as error:
            if time.monotonic() > give_up:
                yield AnswerPart(PROBLEM, error)
                return
            progress = AnswerNews([], None)
        except NotFoundError:
            yield AnswerPart(PROBLEM, QuestionFailed("the question was deleted, with its collection"))
            return
        for event in progress.events:
            after = max(after, event.number)
            if event.kind in (TEXT, RESTART):
                yield AnswerPart(event.kind, event.data)
                spoke_at, pause = time.monotonic(), SHORTEST_PAUSE_SECONDS
        if progress.run is not None:
            yield _end(progress.run)
            return
        if (parting := _parting(backend, run_id, seconds, give_up)) is not None:
            yield AnswerPart(PROBLEM, parting)
            return
        if time.monotonic() - spoke_at >= HEARTBEAT_SECONDS:
            yield AnswerPart(SILENCE, None)
            spoke_at = time.monotonic()
        await anyio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


async def events(backend: Backend, run_id: str, seconds: float) -> AsyncIterator[str]:
    """The parts of an answer as server-sent events: `task`, then `text` and `restart`; `answer` or `problem` at the
    end."""
    yield message("task", about_task(run_id))
    async for part in read(backend, run_id, seconds):
        if part.kind == SILENCE:
            yield ": still here\n\n"
        elif part.kind == PROBLEM:
            yield message(PROBLEM, problems.outline(part.data))
        else:
            yield message(part.kind, part.data)


def message(kind: str, data: Any) -> str:
    """One server-sent event."""
    return f"event: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"


def _look(backend: Backend, run_id: str, after: int) -> AnswerNews:
    return answer_news(backend.workspace(), run_id, after)


def _end(run: Run) -> AnswerPart:
    try:
        return AnswerPart(ANSWER, follow_run.reply_of(run))
    except QuestionFailed as failure:
        return AnswerPart(PROBLEM, failure)


def _parting(backend: Backend, run_id: str, seconds: float, give_up: float) -> FileIntelError | None:
    if backend.stopping:
        return ShuttingDown("the service is about to stop; the task goes on", extra=about_task(run_id))
    if time.monotonic() > give_up:
        detail = f"there is no answer after {seconds:g} s; the task goes on, and its result will be the answer"
        return NoAnswerYet(detail, extra=about_task(run_id))
    return None
