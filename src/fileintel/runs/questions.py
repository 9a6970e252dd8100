"""Asking questions: an index of the graph, or the passages of a collection."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from fileintel.documents.text_units import cut_name
from fileintel.errors import EmptyCollectionError, IndexGone, NoVectorsError
from fileintel.graphrag.prompts import PromptLibrary
from fileintel.graphrag.query import modes, nearest_text_units
from fileintel.graphrag.query.answer_stream import AnswerListener
from fileintel.graphrag.query.asking import Asking, IndexAsking, Reply, VectorAsking
from fileintel.graphrag.query.query_request import QueryRequest
from fileintel.llm.caller import Caller
from fileintel.runs.collection_settings import library_for, settings_for
from fileintel.storage import collections, document_text_units, documents, vectors, versions
from fileintel.storage.engine import Database
from fileintel.storage.models import Collection, IndexVersion, VectorSet
from fileintel.storage.vectors import Coverage
from fileintel.workspace import Workspace


def ask(
    workspace: Workspace,
    collection_name: str,
    query_request: QueryRequest,
    listener: AnswerListener | None = None,
    *,
    stopping: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """An answer with citations that lead to pages; `listener` hears it while it is written. `stopping` is called often;
    what it raises ends the waiting.

    Raises:
      UsageError, UnknownMode: the question is empty, or asks for what there is not.
      NotFoundError, NoIndexError: there is nothing to ask.
      EmbeddingSizeChanged: the index was made with another embedding model.
      ConfigError: the settings leave no room for a single piece of the index.
      NoUsableAnswer: the model gave none, or ignored the form asked for.
      IndexGone: the index was deleted while the question was answered, twice.
    """
    query_request.check()
    try:
        return _ask(workspace, collection_name, query_request, listener, stopping)
    except IndexGone:  # retention has dropped the version that was in use until a moment ago: there is a newer one
        if listener is not None:
            listener.forget()
        return _ask(workspace, collection_name, query_request, listener, stopping)


def ask_in_mode(workspace: Workspace, collection_name: str, question: str, mode: str) -> dict[str, Any]:
    """Ask an index a question in a mode, with no more options; see `ask`."""
    return ask(workspace, collection_name, QueryRequest(question, mode))


def _ask(
    workspace: Workspace,
    collection_name: str,
    query_request: QueryRequest,
    listener: AnswerListener | None,
    stopping: Callable[[], bool],
) -> dict[str, Any]:
    """As `ask`, from the version that is in use now.

    Raises:
      IndexGone: it has been deleted meanwhile.
    """
    with workspace.database.transaction() as session:
        collection, version, gaps = versions.in_use(session, collection_name)
        prompts = library_for(workspace, session, collection)
    means = _means(workspace, collection, prompts, query_request)
    asking = IndexAsking(version=version, listener=listener, stopping=stopping, **means)
    with _whole(workspace.database, version), asking:
        reply = modes.answer(asking)
    return _told(workspace, collection, asking, reply, version=version.number, gaps=gaps)


@contextmanager
def _whole(database: Database, version: IndexVersion) -> Iterator[None]:
    """What goes wrong in the block has not to do with a version that is only there in part. A reply looks itself, with
    its last reading.

    Raises:
      IndexGone: the version was deleted meanwhile, whatever else that has led to.
    """
    try:
        yield
    except Exception:
        with database.transaction() as session:
            versions.require(session, version)
        raise


def collections_to_ask(workspace: Workspace) -> list[tuple[str, int]]:
    """The names of the collections that have an index, in order, each with when it was made, in seconds since 1970."""
    with workspace.database.transaction() as session:
        return [(name, int(made.timestamp())) for name, made in collections.with_index(session)]


def expect_vectors(session: Session, collection: Collection, model: str | None = None) -> VectorSet:
    """The vectors that a question to the passages of a collection is compared with: those of an embedding model, or,
    where that is not known, of any.

    Raises:
      EmptyCollectionError: the collection has no documents.
      NoVectorsError: no passage has a vector of the model.
    """
    usable = [
        one
        for one in vectors.sets_of(session, collection.id)
        if vectors.coverage(session, collection.id, one.id).with_vector
    ]
    for found in usable:
        if model in (None, found.model):
            return found
    if not documents.ids_in_collection(session, collection.id):
        raise EmptyCollectionError(f"collection {collection.name!r} is empty: add documents first")
    others = ", ".join(sorted({one.model for one in usable}))
    lacking = f"have vectors of {others}, and none of {model}" if others else "have no vectors yet"
    raise NoVectorsError(
        f"the passages of {collection.name!r} {lacking}: make them with `{_making_vectors(collection.name)}`"
    )


def ask_passages(
    workspace: Workspace, collection_name: str, question: str, *, stopping: Callable[[], bool] = lambda: False
) -> dict[str, Any]:
    """An answer from the passages nearest to a question, with citations; no index of the graph is needed.

    `coverage` says how many passages there are and how many of them could be found at all, and what to do about the
    others; `gaps` is their number.

    Raises:
      UsageError: the question is empty.
      NotFoundError, EmptyCollectionError, NoVectorsError: there is nothing to ask.
      EmbeddingSizeChanged: the vectors were made with another embedding model.
    """
    query_request = QueryRequest(question)
    query_request.check()
    model = str(workspace.embedder.endpoint.model)
    with workspace.database.transaction() as session:
        collection = collections.find(session, collection_name)
        vector_set = expect_vectors(session, collection, model)
        coverage = vectors.coverage(session, collection.id, vector_set.id)
        uncut = document_text_units.uncut(session, collection.id, cut_name(workspace.settings.chunking))
        prompts = library_for(workspace, session, collection)
    means = _means(workspace, collection, prompts, query_request)
    asking = VectorAsking(vector_set=vector_set, stopping=stopping, **means)
    with asking:
        reply = nearest_text_units.answer(asking)
    told = _told(workspace, collection, asking, reply, version=None, gaps=coverage.lacking)
    covered = {
        "passages": coverage.text_units,
        "with_vector": coverage.with_vector,
        "uncut_documents": len(uncut),
        "note": _note(collection.name, coverage, len(uncut)),
    }
    return {**told, "coverage": covered}


def _means(
    workspace: Workspace, collection: Collection, prompts: PromptLibrary, query_request: QueryRequest
) -> dict[str, Any]:
    """To be called outside of a transaction: the first client that is made may ask its server for the models."""
    settings = settings_for(workspace, collection)
    return {
        "query_request": query_request,
        "database": workspace.database,
        "settings": settings,
        "prompts": prompts,
        "chat": workspace.chat,
        "embedder": workspace.embedder,
        "narrator": workspace.narrator,
        "readiness": workspace.readiness,
        "caller": Caller(urgent=True, patience=settings.query.patience),
    }


def _told(
    workspace: Workspace, collection: Collection, asking: Asking, reply: Reply, *, version: int | None, gaps: int
) -> dict[str, Any]:
    return {
        "collection": collection.name,
        "question": asking.text,
        "mode": reply.mode,
        "picked": reply.picked,
        "answer": reply.answer,
        "data": reply.data,
        "citations": [asdict(citation) for citation in reply.citations],
        "unknown_citations": reply.unknown_citations,
        "context": dict(sorted(reply.context.items())),
        "model": workspace.chat_model_name,
        "version": version,
        "gaps": gaps,
        "note": reply.note,
        "llm": {
            "calls": asking.tally.calls,
            "prompt_tokens": asking.tally.prompt_tokens,
            "completion_tokens": asking.tally.completion_tokens,
        },
    }


def _note(collection: str, coverage: Coverage, uncut: int) -> str | None:
    """What this answer could not rest on, and how to change that; None where it could rest on everything."""
    missing = []
    if coverage.lacking:
        missing.append(f"{coverage.lacking} of {coverage.text_units} passages have no vector yet")
    if uncut:
        documents_ = "1 document is" if uncut == 1 else f"{uncut} documents are"
        missing.append(f"{documents_} not cut with the present settings")
    if not missing:
        return None
    return f"{' and '.join(missing)}: `{_making_vectors(collection)}` sees to it"


def _making_vectors(collection: str) -> str:
    return f"fileintel documents process {shlex.quote(collection)} --embed"
