"""Requests for the runs that process documents: they cut passages, embed them, and extract metadata."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy.orm import Session

from fileintel.errors import EmptyCollectionError, NotFoundError, ServiceUnavailable
from fileintel.runs import dispatch, submission
from fileintel.runs.active_run import ActiveRunError
from fileintel.runs.dispatch import Dispatcher
from fileintel.runs.submission import Submitted
from fileintel.storage import collections, documents, runs
from fileintel.storage.models import Collection, Run
from fileintel.storage.states import RunKind as RunKind
from fileintel.storage.states import RunState
from fileintel.workspace import Workspace


@dataclass(frozen=True)
class Order:
    """Says whether to make vectors of passages, metadata, or both; with neither, documents are only cut."""

    embed: bool = False
    metadata: bool = False

    @property
    def kinds(self) -> Sequence[RunKind]:
        """The kinds of the runs that make it. One that embeds also cuts."""
        wanted = {RunKind.EMBEDDING: self.embed, RunKind.METADATA: self.metadata}
        return [kind for kind, is_wanted in wanted.items() if is_wanted] or [RunKind.DOCUMENTS]


@dataclass(frozen=True)
class Processing:
    """A run that was asked for, and what it does."""

    kind: RunKind
    submitted: Submitted


def submit(
    workspace: Workspace,
    dispatcher: Dispatcher | None,
    collection_name: str,
    order: Order,
    *,
    idempotency_key: str | None = None,
) -> list[Processing]:
    """Queue the processing of all documents of a collection, a run for each kind. A run of that kind that is under
    way already takes along what it has not seen yet, and is given instead of a new one.

    Raises:
      NotFoundError, EmptyCollectionError: there is nothing to process.
      ActiveRunError: a run of the kind is about to end because it was cancelled.
      KeyReused, ServiceUnavailable: as `submission.submit_index`.
    """
    return [
        Processing(kind, _submit(workspace, dispatcher, collection_name, kind, idempotency_key)) for kind in order.kinds
    ]


def run_for(workspace: Workspace, collection_name: str, order: Order) -> str:
    """Return the id of a run of one kind that is under way on a collection, or of a new one, which is not sent.

    Raises: as `submit`.
    """
    return submit(workspace, None, collection_name, order)[0].submitted.run_id


def ask_for(workspace: Workspace, collection_id: str, order: Order) -> list[Run]:
    """Make the runs that follow the reading of documents, not sent yet; those under way already are left out."""
    made: list[Run] = []
    for kind in order.kinds if order.embed or order.metadata else ():
        with workspace.database.transaction() as session:
            found = _found_or_made(session, collections.find(session, collection_id), kind, None)
        if isinstance(found, Run):
            made.append(found)
    return made


def send_or_leave(workspace: Workspace, dispatcher: Dispatcher | None, made: Sequence[Run]) -> None:
    """Send the messages of runs that no caller waits for. Where the broker is away, or the run is gone, they are left:
    workers look for runs without one now and then."""
    if dispatcher is None:
        return
    for run in made:
        with suppress(ServiceUnavailable, NotFoundError):
            dispatch.send_again(workspace, dispatcher, run.id)


def _submit(
    workspace: Workspace,
    dispatcher: Dispatcher | None,
    collection_name: str,
    kind: RunKind,
    idempotency_key: str | None,
) -> Submitted:
    # a key stands for one run, and this request may make two
    key = f"{idempotency_key}/{kind.value}" if idempotency_key else None

    def create(session: Session) -> Submitted | Run:
        collection = collections.find(session, collection_name)
        wanted = Run(kind=kind.value, collection_id=collection.id)
        if (made := submission.earlier(session, key, wanted)) is not None:
            return made
        if not documents.ids_in_collection(session, collection.id):
            raise EmptyCollectionError(f"collection {collection.name!r} is empty: add documents first")
        return _found_or_made(session, collection, kind, key)

    return submission.sent(workspace, dispatcher, submission.created(workspace, create))


def _found_or_made(session: Session, collection: Collection, kind: RunKind, key: str | None) -> Submitted | Run:
    active = None if kind is RunKind.DOCUMENTS else runs.active_of_kind(session, collection.id, kind)
    if active is None:
        return runs.create(session, collection.id, kind, idempotency_key=key)
    if active.state == RunState.CANCELLING.value:
        raise ActiveRunError(active.id, collection.name)
    return Submitted(active.id, is_new=False)
