"""`/tasks`."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from fileintel.api import answers, following
from fileintel.api.answers import Envelope, success
from fileintel.api.backend import Service
from fileintel.api.paging import LARGEST_INTEGER, Cursor, Limit, page, place_of
from fileintel.api.problems import TASKS, BadCursor, documented
from fileintel.api.requests import TaskId
from fileintel.errors import NotFoundError
from fileintel.runs import submission
from fileintel.services import control, tasks
from fileintel.storable import Text

LOOK_AGAIN_SECONDS = 2  # Retry-After of a task that was just taken on

router = APIRouter(prefix="/tasks", tags=["tasks"])
EventNumber = Annotated[int | None, Query(ge=0, le=LARGEST_INTEGER, description="Only events behind this number.")]
LastEventId = Annotated[
    int | None, Header(alias="Last-Event-ID", ge=0, le=LARGEST_INTEGER, description="As `after`, and stronger.")
]


@router.get("", response_model=Envelope[answers.Page[answers.Task]], responses=documented(404))
def list_tasks(
    service: Service,
    limit: Limit = 50,
    cursor: Cursor = None,
    collection: Annotated[Text | None, Query(max_length=1000, description="Only those of this collection.")] = None,
) -> Any:
    """Tasks, the newest first."""
    place = place_of(cursor, str)
    workspace = service.workspace()
    if place is not None:
        try:
            tasks.show(workspace, place[0])
        except NotFoundError as error:
            raise BadCursor("the last task of the page before is gone: start from the first page") from error
    found = tasks.list_tasks(workspace, limit=limit + 1, after=place[0] if place else None, collection_name=collection)
    return success(page(found, limit, lambda one: [one["id"]]))


@router.get("/{task}", response_model=Envelope[answers.TaskWithStages], responses=documented(404))
def show_task(service: Service, task: TaskId) -> Any:
    """One task with its stages."""
    return success(tasks.show(service.workspace(), task))


@router.post("/{task}/cancel", response_model=Envelope[answers.Task], responses=documented(404, 409))
def cancel_task(service: Service, task: TaskId) -> Any:
    """Ask a task to end; its answers are kept. One that is at work ends within seconds."""
    return success(control.cancel(service.workspace(), task))


@router.post("/{task}/pause", response_model=Envelope[answers.Task], responses=documented(404, 409))
def pause_task(service: Service, task: TaskId) -> Any:
    """Let a task rest until it is resumed. One that is at work keeps what is under way; then it has no `owner`."""
    return success(control.pause(service.workspace(), task))


@router.post("/{task}/resume", response_model=Envelope[answers.Task], responses=documented(404, 409))
def resume_task(service: Service, task: TaskId) -> Any:
    """Let a paused task go on."""
    return success(control.resume(service.workspace(), service.dispatcher(), task))


@router.post(
    "/{task}/retry", status_code=202, response_model=Envelope[answers.Accepted], responses=documented(404, 409)
)
def retry_task(service: Service, task: TaskId, response: Response) -> Any:
    """Start a new task for what this one has left undone: the gaps of an index run, a question that failed."""
    return accepted(control.retry(service.workspace(), service.dispatcher(), task), response)


@router.get(
    "/{task}/events",
    response_class=StreamingResponse,
    responses=answers.of_type("text/event-stream", "Events up to `end`.") | documented(404),
)
async def follow_task(
    service: Service, task: TaskId, after: EventNumber = None, last_event_id: LastEventId = None
) -> StreamingResponse:
    """The events of a task as server-sent events: those so far, those to come, `progress`, and `end`."""
    seen = last_event_id if last_event_id is not None else after or 0
    news = await run_in_threadpool(lambda: tasks.news(service.workspace(), task, seen))
    return StreamingResponse(
        following.events(service, task, seen, news),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},  # the second is for nginx
    )


def accepted(submitted: submission.Submitted, response: Response) -> dict[str, Any]:
    """The answer to work that was taken on."""
    links = links_to(submitted)
    lead_to(links, response)
    return success(links)


def links_to(submitted: submission.Submitted) -> dict[str, Any]:
    """A task that was taken on, and where to look at it."""
    where = f"{TASKS}/{submitted.run_id}"
    return {
        "task_id": submitted.run_id,
        "run_id": submitted.run_id,
        "is_new": submitted.is_new,
        "status_url": where,
        "events_url": f"{where}/events",
    }


def lead_to(links: dict[str, Any], response: Response) -> None:
    """Let the headers of a response lead to a task."""
    response.headers["Location"] = links["status_url"]
    response.headers["Retry-After"] = str(LOOK_AGAIN_SECONDS)
