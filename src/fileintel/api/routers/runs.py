"""`/runs/{run}/events`: following a run; `/tasks/{run}/events` is its former path."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from fileintel.api import answers, follow_run
from fileintel.api.answers import success
from fileintel.api.backend import Service
from fileintel.api.problems import documented
from fileintel.api.routes import lead_to
from fileintel.operations.types import LARGEST_INTEGER
from fileintel.runs import submission
from fileintel.services import runs

router = APIRouter()
RunId = Annotated[
    str, Path(max_length=100, description="Id of a run.", examples=["0b9c8f0e-6c1c-4a3e-9a53-0f7b6f9f2f11"])
]
EventNumber = Annotated[int | None, Query(ge=0, le=LARGEST_INTEGER, description="Only events behind this number.")]
LastEventId = Annotated[
    int | None, Header(alias="Last-Event-ID", ge=0, le=LARGEST_INTEGER, description="As `after`, and stronger.")
]
EVENTS = answers.of_type("text/event-stream", "Events up to `end`.") | documented(404)


async def follow(
    service: Service, run: RunId, after: EventNumber = None, last_event_id: LastEventId = None
) -> StreamingResponse:
    """The events of a run as server-sent events: those so far, those to come, `progress`, and `end`."""
    seen = last_event_id if last_event_id is not None else after or 0
    news = await run_in_threadpool(lambda: runs.news(service.workspace(), run, seen))
    return StreamingResponse(
        follow_run.events(service, run, seen, news),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},  # the second is for nginx
    )


for path, name, is_former in (("/runs", "follow_run", None), ("/tasks", "follow_task", True)):
    router.add_api_route(
        f"{path}/{{run}}/events",
        follow,
        name=name,
        response_class=StreamingResponse,
        responses=EVENTS,
        tags=["runs"],
        deprecated=is_former,
    )


def accepted(submitted: submission.Submitted, response: Response) -> dict[str, Any]:
    """The answer to work that was taken on; its headers lead there too."""
    found = runs.accepted(submitted)
    lead_to(found.location, response)
    return success(found)
