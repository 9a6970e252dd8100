"""Executing runs: the body of each kind of run, and the bodies that read documents and answer questions."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from fileintel.documents.document import shown
from fileintel.errors import BudgetReached, ConflictError, LeaseLost, RunCancelled, ServiceUnavailable
from fileintel.fanout.progress import Progress
from fileintel.fanout.stop_requests import Stopped
from fileintel.graphrag.query.query_request import QueryRequest
from fileintel.runs import dispatch, processing, questions
from fileintel.runs.add_documents import Addition, add_documents
from fileintel.runs.answer_stream import AnswerStreamWriter
from fileintel.runs.cut_text_units import cut_collection, uncut
from fileintel.runs.dispatch import Dispatcher
from fileintel.runs.embed import make_vectors
from fileintel.runs.extract_metadata import ask_for_metadata
from fileintel.runs.import_index import take_over
from fileintel.runs.index import build_index
from fileintel.runs.processing import Order
from fileintel.runs.run_context import Body, RunContext, never, perform
from fileintel.storage import run_counts, runs
from fileintel.storage.models import Run
from fileintel.storage.run_counts import GapRecord
from fileintel.storage.states import RunKind
from fileintel.workspace import Workspace

logger = logging.getLogger(__name__)

UPLOADED = "upload"  # the source of a document that came over HTTP: its file is deleted once it is read
READ, CUT = "read", "cut"


def execute(
    workspace: Workspace,
    run_id: str,
    *,
    stopping: Callable[[], bool] = never,
    dispatcher: Dispatcher | None = None,
) -> bool:
    """Do a queued run, whatever its kind; see `perform`."""
    return perform(workspace, run_id, do_what_it_is_for, stopping=stopping, dispatcher=dispatcher)


def do_what_it_is_for(context: RunContext) -> dict[str, Any] | None:
    """Do the body of a run's kind."""
    run = context.run
    body = take_over if run.method == runs.IMPORT else BODIES[RunKind(run.kind)]
    return body(context)


def execute_or_hand_on(workspace: Workspace, run_id: str, dispatcher: Dispatcher, stopping: Callable[[], bool]) -> None:
    """Do a queued run in a worker, and send its message to another worker where this one is to stop.

    Raises:
      FileIntelError: the run has failed with this reason.
    """
    try:
        execute(workspace, run_id, stopping=stopping, dispatcher=dispatcher)
    except Stopped:
        with suppress(ServiceUnavailable):  # then another worker finds the run
            dispatch.send_again(workspace, dispatcher, run_id)
    except RunCancelled:
        pass  # the run says so
    except (BudgetReached, LeaseLost) as error:
        logger.warning("%s", error)  # a person resumes it, or its new owner goes on


def answer(workspace: Workspace, run_id: str) -> dict[str, Any]:
    """Answer a queued question, to an index or to passages; returns the reply, which is kept as the run's result.

    Raises:
      FileIntelError: it could not be answered; the run is failed with the reason.
    """
    reply: dict[str, Any] = {}

    def ask(context: RunContext) -> None:
        reply.update(do_what_it_is_for(context) or {})
        context.finish(reply, may_have_gaps=False)  # the gaps of the index are in its reply

    if not perform(workspace, run_id, ask):
        with workspace.database.transaction() as session:
            return runs.find(session, run_id).result or {}
    return reply


def process_documents(workspace: Workspace, run_id: str, dispatcher: Dispatcher | None = None) -> None:
    """Do a queued run on documents; see `perform`."""
    perform(workspace, run_id, read_documents, dispatcher=dispatcher)


def answer_question(context: RunContext) -> dict[str, Any]:
    """Ask an index; returns the reply."""
    query_request = QueryRequest.of_parameters(context.run.parameters)
    stream_writer = (
        AnswerStreamWriter(context.database, context.lease, context.stop_requests) if query_request.stream else None
    )
    if stream_writer is not None and context.run.attempts > 1:  # a worker that is gone may have streamed a part
        stream_writer.forget()
    stopping = context.stop_requests.check
    reply = questions.ask(context.workspace, context.run.collection_id, query_request, stream_writer, stopping=stopping)
    if stream_writer is not None:
        stream_writer.flush()
    return reply


def answer_from_passages(context: RunContext) -> dict[str, Any]:
    """Ask the passages of a collection; returns the reply."""
    question = str(context.run.parameters["question"])
    stopping = context.stop_requests.check
    return questions.ask_passages(context.workspace, context.run.collection_id, question, stopping=stopping)


def read_documents(context: RunContext) -> None:
    """Read the uploaded files that a run names, and cut them into passages; where it names none, cut what is not cut
    with the present settings. Files that cannot be read are gaps.

    The runs that the settings want after an upload are queued when the files are read.

    Raises:
      RunCancelled, Paused: a person asked for it; what was read stays. A run that goes on begins again with the first
        file: those that are there already cost little.
      ConfigError: the token encoding is missing.
    """
    _Reading(context).run()


BODIES: dict[RunKind, Body] = {
    RunKind.INDEX: build_index,
    RunKind.QUESTION: answer_question,
    RunKind.DOCUMENTS: read_documents,
    RunKind.EMBEDDING: make_vectors,
    RunKind.METADATA: ask_for_metadata,
    RunKind.PASSAGE_QUESTION: answer_from_passages,
}


class _Reading:
    """A run on documents at work. Counts and gaps are written after each document."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._workspace = context.workspace
        self._run = context.run
        self._stage = READ if "folder" in context.run.parameters else CUT
        self._progress = Progress([self._stage])

    def run(self) -> None:
        result: dict[str, Any] = {}
        made: list[Run] = []
        if self._stage == READ:
            added = self._read(str(self._run.parameters["folder"]))
            made = self._ask_for_what_follows()
            result = {**_what_became_of(added), "tasks": {run.kind: run.id for run in made}}
        else:
            result = {"documents_cut": self._cut()}
        self._context.finish(result)
        processing.send_or_leave(self._workspace, self._context.dispatcher, made)

    def _read(self, folder: str) -> list[Addition]:
        self._progress.begin(READ, sum(1 for path in Path(folder).rglob("*") if path.is_file()))
        added = []
        for one in add_documents(self._workspace, self._run.collection_id, [folder], source=UPLOADED):
            added.append(_as_sent(one))
            self._progress.item_done(READ, cached=one.already_there, failed=one.problem is not None)
            self._note(added[-1])
        return added

    def _cut(self) -> int:
        collection_id = self._run.collection_id
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
        """Write how far the run is, and look whether it is to stop."""
        run_id, stop_requests = self._run.id, self._context.stop_requests
        with self._workspace.database.transaction() as session:
            stop_requests.look(session)
            runs.renew(session, self._context.lease)
            run_counts.save_stages(session, run_id, self._progress.counts())
            if one is not None and one.problem:
                gap = GapRecord(READ, shown(one.path), "unreadable", 1, one.problem)
                run_counts.save_gaps(session, run_id, [gap])
        if stop_requests.pausing:
            raise stop_requests.error()

    def _ask_for_what_follows(self) -> list[Run]:
        settings = self._workspace.settings.documents
        order = Order(embed=settings.embed_on_upload, metadata=settings.extract_metadata)
        try:
            return processing.ask_for(self._workspace, self._run.collection_id, order)
        except ConflictError:  # a run of the kind is being cancelled: a person did that, and does not want another one
            return []


def _as_sent(one: Addition) -> Addition:
    """The same with the name that the caller gave: where a folder of ours lies is not to be seen."""
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
