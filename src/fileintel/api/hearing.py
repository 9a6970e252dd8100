"""Hearing an answer while a worker writes it: its run's events, looked at a few times a second.

In between neither a thread nor a connection is held, however many callers listen.
"""

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import anyio
from starlette.concurrency import run_in_threadpool

from fileintel.api import following, problems
from fileintel.api.backend import Backend
from fileintel.api.problems import NoAnswerYet, QuestionFailed, ShuttingDown, about_task
from fileintel.errors import DatabaseUnavailable, FileIntelError, NotFoundError
from fileintel.runs.answer_stream import RESTART, TEXT
from fileintel.services import tasks

SHORTEST_PAUSE_SECONDS = 0.05  # stored answers come at once
LONGEST_PAUSE_SECONDS = 0.5  # while nothing comes; a writing model says something each quarter of a second
HEARTBEAT_SECONDS = 15.0  # proxies close connections that are silent for 30 to 60 s
ANSWER, PROBLEM, SILENCE = "answer", "problem", "silence"


@dataclass(frozen=True)
class Heard:
    """Something about an answer: TEXT with its next piece, RESTART, SILENCE for a while, and at the end ANSWER with
    the whole reply or PROBLEM with an error."""

    kind: str
    data: Any


async def hear(backend: Backend, run_id: str, seconds: float) -> AsyncIterator[Heard]:
    """What comes of a question, up to its end or for `seconds`."""
    give_up = time.monotonic() + seconds
    pause, after, spoke_at = SHORTEST_PAUSE_SECONDS, 0, time.monotonic()
    while True:
        try:
            progress = await run_in_threadpool(_look, backend, run_id, after)
        except DatabaseUnavailable as error:
            if time.monotonic() > give_up:
                yield Heard(PROBLEM, error)
                return
            progress = tasks.AnswerStream([], None)
        except NotFoundError:
            yield Heard(PROBLEM, QuestionFailed("the question was deleted, with its collection"))
            return
        for number, kind, data in progress.events:
            after = max(after, number)
            if kind in (TEXT, RESTART):
                yield Heard(kind, data)
                spoke_at, pause = time.monotonic(), SHORTEST_PAUSE_SECONDS
        if progress.task is not None:
            yield _end(progress.task)
            return
        if (parting := _parting(backend, run_id, seconds, give_up)) is not None:
            yield Heard(PROBLEM, parting)
            return
        if time.monotonic() - spoke_at >= HEARTBEAT_SECONDS:
            yield Heard(SILENCE, None)
            spoke_at = time.monotonic()
        await anyio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


async def events(backend: Backend, run_id: str, seconds: float) -> AsyncIterator[str]:
    """The same as server-sent events: `task`, then `text` and `restart`, and at the end `answer` or `problem`."""
    yield message("task", about_task(run_id))
    async for heard in hear(backend, run_id, seconds):
        if heard.kind == SILENCE:
            yield ": still here\n\n"
        elif heard.kind == PROBLEM:
            yield message(PROBLEM, problems.outline(heard.data))
        else:
            yield message(heard.kind, heard.data)


def message(kind: str, data: Any) -> str:
    """One server-sent event."""
    return f"event: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"


def _look(backend: Backend, run_id: str, after: int) -> tasks.AnswerStream:
    return tasks.answer_stream(backend.workspace(), run_id, after)


def _end(task: dict[str, Any]) -> Heard:
    try:
        return Heard(ANSWER, following.reply_of(task))
    except QuestionFailed as failure:
        return Heard(PROBLEM, failure)


def _parting(backend: Backend, run_id: str, seconds: float, give_up: float) -> FileIntelError | None:
    if backend.stopping:
        return ShuttingDown("the service is about to stop; the task goes on", extra=about_task(run_id))
    if time.monotonic() > give_up:
        detail = f"there is no answer after {seconds:g} s; the task goes on, and its result will be the answer"
        return NoAnswerYet(detail, extra=about_task(run_id))
    return None
