"""`/graphrag`: building an index, looking at it, asking it."""

from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from fileintel.api import answers, archives, following, hearing, question_answers
from fileintel.api.answers import Envelope, success
from fileintel.api.backend import Service
from fileintel.api.paging import LARGEST_INTEGER, Cursor, Limit, page, place_of
from fileintel.api.problems import BadCursor, documented
from fileintel.api.requests import CollectionName, IdempotencyKey, Question, require_json
from fileintel.api.routers.tasks import accepted
from fileintel.runs import submission
from fileintel.runs.index_request import IndexRequest
from fileintel.services import graph
from fileintel.services.graph import Slice
from fileintel.services.health import check_everything
from fileintel.services.status import index_status
from fileintel.storable import Text
from fileintel.workspace import Workspace

UNBUFFERED = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}

router = APIRouter(prefix="/graphrag", tags=["graphrag"])

Matching = Annotated[Text | None, Query(max_length=1000, description="Only those with this text in their names.")]
Level = Annotated[
    int | None, Query(ge=0, le=LARGEST_INTEGER, description="Only communities of this level; 0 = the largest.")
]
After = Annotated[
    int | None,
    Query(ge=0, le=LARGEST_INTEGER, description="Only those behind this human_readable_id; a cursor is stronger."),
]
RunId = Annotated[str | None, Query(max_length=100, description="Id of an index run; without it, the newest one.")]
CommunityNumber = Annotated[int, Path(ge=0, le=LARGEST_INTEGER, description="The community's number.")]


@router.post(
    "/index",
    status_code=202,
    response_model=Envelope[answers.Accepted],
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
        events = hearing.events(service, submitted.run_id, body.wait_seconds)
        return StreamingResponse(events, media_type="text/event-stream", headers=UNBUFFERED)
    return success(await following.answered(service, submitted.run_id, body.wait_seconds))


@router.get("/{collection}/status", response_model=Envelope[answers.Status], responses=documented(404, 409))
def show_index_status(service: Service, collection: CollectionName, run: RunId = None) -> Any:
    """How the newest run stands, or that one, and which version answers questions."""
    return success(index_status(service.workspace(), collection, run))


@router.get("/system-status", response_model=Envelope[list[answers.Part]])
def check_system(service: Service) -> Any:
    """Whether everything that work needs is there: database, broker, workers, models. Asks all of them."""
    return success(check_everything(service.settings, service.workspace, service.dispatcher))


@router.get(
    "/{collection}/entities", response_model=Envelope[answers.Page[answers.Entity]], responses=documented(404, 409)
)
def list_entities(
    service: Service,
    collection: CollectionName,
    limit: Limit = 50,
    cursor: Cursor = None,
    after: After = None,
    matching: Matching = None,
) -> Any:
    """The entities; `matching` is looked for in titles and types."""
    return success(
        _rows("entities", graph.list_entities, service.workspace(), collection, matching, limit, cursor, after)
    )


@router.get(
    "/{collection}/relationships",
    response_model=Envelope[answers.Page[answers.Relationship]],
    responses=documented(404, 409),
)
def list_relationships(
    service: Service,
    collection: CollectionName,
    limit: Limit = 50,
    cursor: Cursor = None,
    after: After = None,
    matching: Matching = None,
) -> Any:
    """The relationships; `matching` is looked for in the titles of both ends."""
    return success(
        _rows(
            "relationships", graph.list_relationships, service.workspace(), collection, matching, limit, cursor, after
        )
    )


@router.get(
    "/{collection}/communities",
    response_model=Envelope[answers.Page[answers.Community]],
    responses=documented(404, 409),
)
def list_communities(
    service: Service,
    collection: CollectionName,
    limit: Limit = 50,
    cursor: Cursor = None,
    after: After = None,
    level: Level = None,
) -> Any:
    """The communities, of one level or of all."""
    return success(
        _rows("communities", graph.list_communities, service.workspace(), collection, level, limit, cursor, after)
    )


@router.get(
    "/{collection}/communities/{number}",
    response_model=Envelope[answers.CommunityWithMembers],
    responses=documented(404, 409),
)
def show_community(service: Service, collection: CollectionName, number: CommunityNumber) -> Any:
    """One community: its members and its report."""
    return success(graph.show_community(service.workspace(), collection, number))


@router.get(
    "/{collection}/communities/{number}/context",
    response_model=Envelope[answers.ReportContext],
    responses=documented(404, 409),
)
def show_context(service: Service, collection: CollectionName, number: CommunityNumber) -> Any:
    """What the model was given to write a community's report, and what there was no room for."""
    return success(graph.show_context(service.workspace(), collection, number))


@router.get(
    "/{collection}/reports", response_model=Envelope[answers.Page[answers.Report]], responses=documented(404, 409)
)
def list_reports(
    service: Service,
    collection: CollectionName,
    limit: Limit = 50,
    cursor: Cursor = None,
    after: After = None,
    level: Level = None,
) -> Any:
    """The community reports, of one level or of all."""
    return success(_rows("reports", graph.list_reports, service.workspace(), collection, level, limit, cursor, after))


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


@router.delete("/{collection}/index", response_model=Envelope[answers.Deleted], responses=documented(404, 409))
def delete_index(service: Service, collection: CollectionName) -> Any:
    """Delete all versions of the index, its runs, and questions to it. Documents and stored answers are kept."""
    return success({"versions": graph.delete_index(service.workspace(), collection)})


class _Lister(Protocol):
    def __call__(self, workspace: Workspace, collection: str, part: Slice, only: Any, /) -> list[dict[str, Any]]: ...


def _rows(
    listed: str,
    lister: _Lister,
    workspace: Workspace,
    collection: str,
    only: object,
    limit: int,
    cursor: str | None,
    first: int | None,
) -> dict[str, Any]:
    """A page of one version: the cursor holds to it when another one is published in between. It names its list too,
    because all of them have the same numbers, and rows would be passed over without a word."""
    place = place_of(cursor, str, str, int)
    if place is not None and place[0] != listed:
        raise BadCursor(f"the cursor is one of another list: take `next_cursor` of the {listed}, unchanged")
    version, after = place[1:] if place is not None else (graph.version_in_use(workspace, collection), first)
    found = lister(workspace, collection, Slice(limit + 1, after, version), only)
    return page(found, limit, lambda one: [listed, version, one["human_readable_id"]])
