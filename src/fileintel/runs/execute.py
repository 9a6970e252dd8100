"""Performing tasks: what a worker does with a run whose message it got."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fileintel.documents.document import shown
from fileintel.errors import ConflictError
from fileintel.fanout.progress import Progress
from fileintel.graphrag.query.query_request import QueryRequest
from fileintel.runs import processing, questions, run_context
from fileintel.runs.add_documents import Addition, add_documents
from fileintel.runs.answer_stream import AnswerStreamWriter
from fileintel.runs.cut import cut_collection, uncut
from fileintel.runs.dispatch import Dispatcher
from fileintel.runs.outcome import ending, finish
from fileintel.runs.processing import Order
from fileintel.runs.run_context import Held
from fileintel.runs.spool import drop_upload
from fileintel.runs.stop_requests import StopRequests
from fileintel.storage import run_counts, runs
from fileintel.storage.models import Run
from fileintel.storage.run_counts import GapRecord
from fileintel.storage.states import RunState
from fileintel.workspace import Workspace

UPLOADED = "upload"  # the source of a document that came over HTTP: its file is deleted once it is read
READ, CUT = "read", "cut"


def answer(workspace: Workspace, run_id: str) -> dict[str, Any]:
    """Answer a queued question to an index, and keep the reply as its result.

    Raises:
      FileIntelError: it could not be answered; the run is failed with the reason.
    """

    def ask(held: Held, stop_requests: StopRequests) -> dict[str, Any]:
        query_request = QueryRequest.of_parameters(held.run.parameters)
        stream_writer = AnswerStreamWriter(workspace.database, held.lease) if query_request.stream else None
        if stream_writer is not None and held.run.attempts > 1:  # a worker that is gone may have told a part
            stream_writer.forget()
        reply = questions.ask(workspace, held.run.collection_id, query_request, stream_writer, stopping=stop_requests)
        if stream_writer is not None:
            stream_writer.flush()
        return reply

    return _answer(workspace, run_id, ask)


def answer_from_passages(workspace: Workspace, run_id: str) -> dict[str, Any]:
    """The same for a queued question to the passages of a collection."""

    def ask(held: Held, stop_requests: StopRequests) -> dict[str, Any]:
        question = str(held.run.parameters["question"])
        return questions.ask_passages(workspace, held.run.collection_id, question, stopping=stop_requests)

    return _answer(workspace, run_id, ask)


def _answer(workspace: Workspace, run_id: str, ask: Callable[[Held, StopRequests], dict[str, Any]]) -> dict[str, Any]:
    held = run_context.take(workspace, run_id)
    if held is None:
        with workspace.database.transaction() as session:
            return runs.find(session, run_id).result or {}
    with ending(workspace.database, held.lease):
        reply = ask(held, StopRequests(workspace.database, held.lease))
        with workspace.database.transaction() as session:
            # a question has no gaps of its own: those of the index are in its reply
            runs.finish(session, held.lease, RunState.SUCCEEDED, result=reply)
    return reply


def process_documents(workspace: Workspace, run_id: str, dispatcher: Dispatcher | None = None) -> None:
    """Do a queued run on documents: read the uploaded files that it names and cut them into passages, or, where it
    names none, cut what is not cut with the present settings. Files that cannot be read are gaps.

    What the settings want to be made of uploads is queued when they are read.

    Raises:
      RunCancelled, Paused: somebody asked for it; what was read stays. A run that goes on begins again with the
        first file: those that are there already cost little.
      ConfigError: the token encoding is missing.
    """
    held = run_context.take(workspace, run_id)
    if held is None:
        return
    try:
        with ending(workspace.database, held.lease):
            _Reading(workspace, held).run(dispatcher)
    finally:
        drop_upload(workspace, held.run)


class _Reading:
    """A run on documents at work. Counts and gaps are written after each document."""

    def __init__(self, workspace: Workspace, held: Held) -> None:
        self._workspace = workspace
        self._held = held
        self._stage = READ if "folder" in held.run.parameters else CUT
        self._progress = Progress([self._stage])
        self._stop_requests = StopRequests(workspace.database, held.lease, every=0)

    def run(self, dispatcher: Dispatcher | None) -> None:
        result: dict[str, Any] = {}
        made: list[Run] = []
        if self._stage == READ:
            added = self._read(str(self._held.run.parameters["folder"]))
            made = self._ask_for_what_follows()
            result = {**_what_became_of(added), "tasks": {run.kind: run.id for run in made}}
        else:
            result = {"documents_cut": self._cut()}
        with self._workspace.database.transaction() as session:
            finish(session, self._held.lease, result=result)
        processing.send_or_leave(self._workspace, dispatcher, made)

    def _read(self, folder: str) -> list[Addition]:
        self._progress.begin(READ, sum(1 for path in Path(folder).rglob("*") if path.is_file()))
        added = []
        for one in add_documents(self._workspace, self._held.run.collection_id, [folder], source=UPLOADED):
            added.append(_as_sent(one))
            self._progress.item_done(READ, cached=one.already_there, failed=one.problem is not None)
            self._note(added[-1])
        return added

    def _cut(self) -> int:
        collection_id = self._held.run.collection_id
        self._progress.begin(CUT, len(uncut(self._workspace, collection_id)))
        count = 0
        for _ in cut_collection(self._workspace, collection_id):
            count += 1
            self._progress.item_done(CUT)
            self._note()
        self._progress.complete(CUT)
        self._note()
        return count

    def _note(self, one: Addition | None = None) -> None:
        """Write how far the run is, and hear whether it is to stop."""
        run_id = self._held.run.id
        self._stop_requests()
        with self._workspace.database.transaction() as session:
            runs.renew(session, self._held.lease)
            run_counts.save_stages(session, run_id, self._progress.counts())
            if one is not None and one.problem:
                gap = GapRecord(READ, shown(one.path), "unreadable", 1, one.problem)
                run_counts.save_gaps(session, run_id, [gap])

    def _ask_for_what_follows(self) -> list[Run]:
        settings = self._workspace.settings.documents
        order = Order(embed=settings.embed_on_upload, metadata=settings.extract_metadata)
        try:
            return processing.ask_for(self._workspace, self._held.run.collection_id, order)
        except ConflictError:  # a run of the kind is being cancelled: whoever did that does not want another one
            return []


def _as_sent(one: Addition) -> Addition:
    """The same with the name that the caller gave: our folders are nobody's business."""
    name = Path(one.path).name
    problem = one.problem.replace(shown(one.path), shown(name), 1) if one.problem else None
    return replace(one, path=name, problem=problem)


def _what_became_of(added: Sequence[Addition]) -> dict[str, Any]:
    """The result of an upload: its documents, and what became of each file, in the order in which they were sent."""
    files = [
        {
            "name": one.path,
            "document_id": one.document["id"] if one.document else None,
            "already_there": one.already_there,
            "problem": one.problem,
        }
        for one in added
    ]
    return {"documents": [one.document for one in added if one.document], "files": files}
