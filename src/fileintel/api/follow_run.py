"""Follow a run to its end. Both ways look at its row about once a second, in a short transaction of a pool
thread: in between they hold neither a thread nor a connection, however many callers follow."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import anyio
from starlette.concurrency import run_in_threadpool

from fileintel.api.backend import Backend
from fileintel.api.problems import NoAnswerYet, QuestionFailed, ShuttingDown, about_task
from fileintel.errors import DatabaseUnavailable, IndexGone, NotFoundError
from fileintel.services import runs
from fileintel.services.runs import News, Run

POLL_SECONDS = 1.0  # also the least time between two progress events
FIRST_POLL_SECONDS = 0.05  # stored answers come at once; the pause doubles up to POLL_SECONDS
HEARTBEAT_SECONDS = 15.0  # proxies close connections that are silent for 30 to 60 s
RECONNECT_MILLISECONDS = 2000


async def wait_for_answer(backend: Backend, run_id: str, seconds: float) -> dict[str, Any]:
    """Wait for a question's reply.

    Raises:
      QuestionFailed: with the reason, and the status of what went wrong.
      IndexGone: the run was deleted with its index.
      NoAnswerYet, ShuttingDown: it is not over yet; the problem leads to the run.
    """
    give_up = time.monotonic() + seconds
    pause = FIRST_POLL_SECONDS
    while True:
        try:
            run = await run_in_threadpool(lambda: runs.described(backend.workspace(), run_id))
        except DatabaseUnavailable:
            if time.monotonic() > give_up:
                raise
        except NotFoundError as error:
            raise IndexGone("the index was deleted while the question was answered") from error
        else:
            if run.is_over:
                return reply_of(run)
        if backend.stopping:
            raise ShuttingDown("the service is about to stop; the task goes on", extra=about_task(run_id))
        if time.monotonic() > give_up:
            detail = f"there is no answer after {seconds:g} s; the task goes on, and its result will be the answer"
            raise NoAnswerYet(detail, extra=about_task(run_id))
        await anyio.sleep(pause)
        pause = min(2 * pause, POLL_SECONDS)


async def events(backend: Backend, run_id: str, after: int, news: News) -> AsyncIterator[str]:
    """The events of a run as server-sent events (WHATWG HTML, section 9.2), up to `end`.

    Events of the run have their number as id, so a reader that comes back is told what it has missed, once.
    `progress` has no id: only its newest state matters. `news` is what the first look has found.
    """
    progress: dict[str, Any] = {}
    spoke_at = time.monotonic()
    yield f"retry: {RECONNECT_MILLISECONDS}\n\n"
    while True:
        spoken = [_message(event.kind, event.model_dump(mode="json"), event.number) for event in news.events]
        after = max([after, *(event.number for event in news.events)])
        if news.run.stages and news.run.progress() != progress:
            progress = news.run.progress()
            spoken.append(_message("progress", progress))
        if news.run.is_over:
            spoken.append(_message("end", news.run.model_dump(mode="json")))
        elif not spoken and time.monotonic() - spoke_at >= HEARTBEAT_SECONDS:
            spoken.append(": still here\n\n")
        if spoken:
            yield "".join(spoken)
            spoke_at = time.monotonic()
        if news.run.is_over or backend.stopping:
            return
        await anyio.sleep(POLL_SECONDS)
        try:
            news = await run_in_threadpool(_look, backend, run_id, after)
        except DatabaseUnavailable:
            news = News(news.run, [])  # the stream outlives it
        except NotFoundError:
            yield _message("end", {"id": run_id, "state": "deleted"})
            return


def _look(backend: Backend, run_id: str, after: int) -> News:
    return runs.news(backend.workspace(), run_id, after)


def _message(kind: str, data: dict[str, Any], number: int | None = None) -> str:
    identity = f"id: {number}\n" if number is not None else ""
    return f"{identity}event: {kind}\ndata: {json.dumps(data)}\n\n"


def reply_of(run: Run) -> dict[str, Any]:
    """The reply to a question whose run is over, as JSON.

    Raises:
      QuestionFailed: there is none; with the reason, and the status of what went wrong.
    """
    result = run.result or {}
    if run.error is None and "answer" in result:
        return {"task_id": run.id, **result}
    failure = QuestionFailed(run.error or f"the task is {run.state}", extra=about_task(run.id))
    failure.code = result.get("code", failure.code)
    failure.http_status = result.get("http_status", failure.http_status)
    raise failure
