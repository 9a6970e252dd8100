"""Reading an answer of a service while it is written, and having it whole where the connection breaks."""

from typing import TYPE_CHECKING, Any

from fileintel.installation.contract import Row
from fileintel.installation.remote.connection import Connection
from fileintel.installation.remote.events import events_in
from fileintel.installation.remote.problems import Unfinished, Unreachable, told
from fileintel.installation.remote.runs import TIMEOUT, RemoteRuns, Silent, raise_unless_done

if TYPE_CHECKING:
    from fileintel.graphrag.query.answer_stream import AnswerListener
    from fileintel.graphrag.query.query_request import QueryRequest


def body_of(query_request: "QueryRequest") -> Row:
    """A question as the API takes it."""
    names = {"form": "format", "schema": "json_schema"}
    return {names.get(name, name): value for name, value in query_request.parameters().items()}


def streamed_answer(
    connection: Connection, runs: RemoteRuns, body: Row, listener: "AnswerListener", *path: object
) -> Row:
    """Ask at a path, and tell `listener` what comes. Where the stream breaks off, the run is followed to its end."""
    task_id: str | None = None
    try:
        with connection.stream("POST", *path, json=body, timeout=TIMEOUT) as response:
            for event in events_in(response.iter_lines()):
                if event.kind == "task":
                    task_id = event.data["job_id"]
                elif event.kind == "answer":
                    return _reply(event.data)
                elif event.kind == "problem":
                    raise _problem(event.data)
                else:
                    _tell(listener, event.kind, event.data)
    except (Unreachable, Unfinished):
        if task_id is None:
            raise
    assert task_id is not None
    run = runs.follow(task_id, Silent())
    raise_unless_done(run)
    return _reply(run.result or {})


def _tell(listener: "AnswerListener", kind: str, data: dict[str, Any]) -> None:
    if kind == "text":
        listener.hear(data["text"])
    elif kind == "restart":
        listener.forget()


def _reply(data: Row) -> Row:
    return {name: one for name, one in data.items() if name != "task_id"}


def _problem(data: dict[str, Any]) -> Exception:
    if data["code"] in ("no_answer_yet", "shutting_down") and "job_id" in data:
        return Unfinished(str(data["detail"]), str(data["job_id"]))
    return told(str(data["code"]), int(data["status"]), str(data["detail"]))
