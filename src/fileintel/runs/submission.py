"""Asking for work: a run is written down and its message sent, or neither."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from fileintel.errors import ConflictError, EmptyCollectionError, NotFoundError, ServiceUnavailable, UsageError
from fileintel.graphrag.query.query_request import QueryRequest
from fileintel.runs import questions
from fileintel.runs.active_run import ActiveRunError
from fileintel.runs.dispatch import Dispatcher
from fileintel.runs.index_request import IndexRequest, RunIsPaused
from fileintel.storage import collections, documents, runs, versions
from fileintel.storage.models import Collection, Run
from fileintel.storage.states import RunKind, RunState
from fileintel.workspace import Workspace


@dataclass(frozen=True)
class Submitted:
    """A run that was asked for; `is_new` is False when the same request had made it before."""

    run_id: str
    is_new: bool


def submit_index(
    workspace: Workspace,
    dispatcher: Dispatcher | None,
    request: IndexRequest,
    *,
    idempotency_key: str | None = None,
) -> Submitted:
    """Queue the building of an index.

    Raises:
      UsageError: there is no such stage.
      NotFoundError, EmptyCollectionError: there is nothing to index.
      ActiveRunError: a run is at work on the collection; carries its id.
      KeyReused: another request had this idempotency key.
      ServiceUnavailable: the broker does not answer; nothing was queued.
    """
    parameters = request.parameters

    def create(session: Session) -> Submitted | Run:
        collection = collections.find(session, request.collection)
        wanted = Run(kind=RunKind.INDEX.value, collection_id=collection.id, parameters=parameters)
        if (made := earlier(session, idempotency_key, wanted)) is not None:
            return made
        refuse_while_active(session, collection)
        if not documents.in_collection(session, collection.id):
            raise EmptyCollectionError(f"collection {collection.name!r} is empty: add documents first")
        return runs.create(
            session,
            collection.id,
            RunKind.INDEX,
            fresh=request.fresh,
            parameters=parameters,
            idempotency_key=idempotency_key,
        )

    return sent(workspace, dispatcher, created(workspace, create))


def submit_documents(
    workspace: Workspace,
    dispatcher: Dispatcher | None,
    collection_name: str,
    folder: Path,
    *,
    idempotency_key: str | None = None,
) -> Submitted:
    """Queue the reading of uploaded files. `folder` holds them, and is deleted when they are read.

    Raises:
      NotFoundError, KeyReused, ServiceUnavailable: as `submit_index`.
    """

    def create(session: Session) -> Submitted | Run:
        collection = collections.find(session, collection_name)
        wanted = Run(kind=RunKind.DOCUMENTS.value, collection_id=collection.id)
        if (made := earlier(session, idempotency_key, wanted)) is not None:
            return made
        return runs.create(
            session,
            collection.id,
            RunKind.DOCUMENTS,
            parameters={"folder": str(folder)},
            idempotency_key=idempotency_key,
        )

    return sent(workspace, dispatcher, created(workspace, create))


def submit_import(
    workspace: Workspace,
    dispatcher: Dispatcher | None,
    collection_name: str,
    folder: Path,
    *,
    vectors: bool = True,
    idempotency_key: str | None = None,
) -> Submitted:
    """Queue the taking over of an uploaded index; the collection is made if need be. `folder` holds its tables, and is
    deleted when they are read.

    Raises:
      UsageError: no collection can have that name.
      RunIsPaused, ActiveRunError, KeyReused, ServiceUnavailable: as `submit_index`.
    """

    def create(session: Session) -> Submitted | Run:
        try:
            collection = collections.find(session, collection_name)
        except NotFoundError:
            collections.check_name(collection_name)
            collection = collections.create(session, collection_name)
        wanted = Run(kind=RunKind.INDEX.value, collection_id=collection.id)
        if (made := earlier(session, idempotency_key, wanted)) is not None:
            return made
        refuse_while_active(session, collection)
        return runs.create(
            session,
            collection.id,
            method=runs.IMPORT,
            parameters={runs.UPLOADED_INDEX: str(folder), "vectors": vectors},
            idempotency_key=idempotency_key,
        )

    return sent(workspace, dispatcher, created(workspace, create))


def submit_question(
    workspace: Workspace, dispatcher: Dispatcher | None, collection_name: str, query_request: QueryRequest
) -> Submitted:
    """Queue a question to an index.

    Raises:
      UsageError, UnknownMode: the question is empty, or asks for what there is not.
      NotFoundError, NoIndexError, ServiceUnavailable: as `submit_index`.
    """
    query_request.check()
    with workspace.database.transaction() as session:
        collection = collections.find(session, collection_name)
        versions.current(session, collection)
        run = runs.create(session, collection.id, RunKind.QUESTION, parameters=query_request.parameters())
    return sent(workspace, dispatcher, run)


def submit_passage_question(
    workspace: Workspace, dispatcher: Dispatcher | None, collection_name: str, question: str
) -> Submitted:
    """Queue a question to the passages of a collection.

    Raises:
      UsageError: the question is empty.
      NotFoundError, EmptyCollectionError, NoVectorsError: there is nothing to ask.
      ServiceUnavailable: as `submit_index`.
    """
    QueryRequest(question).check()
    with workspace.database.transaction() as session:
        collection = collections.find(session, collection_name)
        questions.expect_vectors(session, collection)
        run = runs.create(session, collection.id, RunKind.PASSAGE_QUESTION, parameters={"question": question})
    return sent(workspace, dispatcher, run)


class KeyReused(UsageError):
    """An idempotency key stands for one request, and this is another one."""

    code = "idempotency_key_reused"


def refuse_while_active(session: Session, collection: Collection) -> None:
    """Whether an index run may begin.

    Raises:
      RunIsPaused, ActiveRunError: there is another one on the collection.
    """
    active = runs.active(session, collection.id)
    if active is None:
        return
    if active.state == RunState.PAUSED.value:
        raise RunIsPaused(active.id, collection.name)
    raise ActiveRunError(active.id, collection.name)


def earlier(session: Session, idempotency_key: str | None, wanted: Run) -> Submitted | None:
    """The run that an earlier request with the same key has made.

    Raises:
      KeyReused: that request was another one.
    """
    run = runs.with_key(session, idempotency_key) if idempotency_key else None
    if run is None:
        return None
    same = (run.kind, run.collection_id) == (wanted.kind, wanted.collection_id)
    if not same or (wanted.parameters is not None and wanted.parameters != run.parameters):
        raise KeyReused(f"the idempotency key has made task {run.id}, which is another request: take a new key")
    return Submitted(run.id, is_new=False)


def created(workspace: Workspace, create: Callable[[Session], Submitted | Run]) -> Submitted | Run:
    """What `create` returns. In a conflict it is asked again, and then sees the whole of a request that came in
    between: one with the same key is no conflict."""
    try:
        with workspace.database.transaction() as session:
            return create(session)
    except ConflictError:
        with workspace.database.transaction() as session:
            return create(session)


def sent(workspace: Workspace, dispatcher: Dispatcher | None, run: Submitted | Run) -> Submitted:
    """Send a new run's message; a run whose message cannot be sent is taken back."""
    if isinstance(run, Submitted):
        return run
    if dispatcher is None:
        return Submitted(run.id, is_new=True)
    try:
        dispatcher.send(run)
    except ServiceUnavailable:
        with workspace.database.transaction() as session:
            runs.remove(session, run.id)
        raise
    return Submitted(run.id, is_new=True)
