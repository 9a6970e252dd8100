"""Asking an index a question."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from fileintel.errors import IndexGone, UsageError
from fileintel.graphrag.query import global_search, local
from fileintel.graphrag.query.asking import Asking
from fileintel.services.own_settings import library_for, settings_for
from fileintel.services.workspace import Workspace
from fileintel.storage import collections, runs, versions
from fileintel.storage.engine import Database
from fileintel.storage.models import IndexVersion

MODES = {"local": local.answer, "global": global_search.answer}


class UnknownMode(UsageError):
    """There is no such way to answer a question."""

    code = "unknown_mode"


def check(question: str, mode: str) -> None:
    """Whether a question can be asked at all.

    Raises:
      UsageError, UnknownMode: it is empty, or the mode is unknown.
    """
    if not question.strip():
        raise UsageError("the question is empty: ask one")
    if mode not in MODES:
        raise UnknownMode(f"there is no query mode {mode!r}: use one of {', '.join(MODES)}")


def ask(
    workspace: Workspace,
    collection_name: str,
    question: str,
    mode: str = "local",
    *,
    stopping: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """An answer with citations that lead to pages. `stopping` is called often; what it raises ends the waiting.

    Raises:
      UsageError, UnknownMode: the question is empty, or the mode is unknown.
      NotFoundError, NoIndexError: there is nothing to ask.
      EmbeddingSizeChanged: the index was made with another embedding model.
      IndexGone: the index was deleted while the question was answered, twice.
    """
    check(question, mode)
    try:
        return _ask(workspace, collection_name, question, mode, stopping)
    except IndexGone:  # retention has dropped the version that was in use until a moment ago: there is a newer one
        return _ask(workspace, collection_name, question, mode, stopping)


def _ask(
    workspace: Workspace, collection_name: str, question: str, mode: str, stopping: Callable[[], bool]
) -> dict[str, Any]:
    """As `ask`, from the version that is in use now.

    Raises:
      IndexGone: it has been deleted meanwhile.
    """
    with workspace.database.transaction() as session:
        collection = collections.find(session, collection_name)
        version = versions.current(session, collection)
        gaps = len(runs.gaps(session, version.run_id))
        library = library_for(workspace, session, collection)
    asking = Asking(
        text=question.strip(),
        version=version,
        database=workspace.database,
        settings=settings_for(workspace, collection),
        prompts=library,
        chat=workspace.chat,
        embedder=workspace.embedder,
        check_models=workspace.check_models,
        stopping=stopping,
    )
    with _whole(workspace.database, version):
        reply = MODES[mode](asking)
    return {
        "collection": collection.name,
        "question": asking.text,
        "mode": reply.mode,
        "answer": reply.answer,
        "citations": [asdict(citation) for citation in reply.citations],
        "unknown_citations": reply.unknown_citations,
        "context": dict(sorted(reply.context.items())),
        "model": workspace.chat_model_name,
        "version": version.number,
        "gaps": gaps,
        "llm": {
            "calls": asking.tally.calls,
            "prompt_tokens": asking.tally.prompt_tokens,
            "completion_tokens": asking.tally.completion_tokens,
        },
    }


@contextmanager
def _whole(database: Database, version: IndexVersion) -> Iterator[None]:
    """What is read of a version in the block is all there: else the answer rests on a part of it, or on nothing.

    Raises:
      IndexGone: the version was deleted meanwhile, whatever else that has led to.
    """
    try:
        yield
    except Exception:
        with database.transaction() as session:
            versions.require(session, version)
        raise
    with database.transaction() as session:
        versions.require(session, version)
