"""Runs, made and done as a worker does it, and what is in the tables afterwards."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlalchemy import func, select

from fileintel.errors import FileIntelError
from fileintel.fanout.stop_requests import Stopped
from fileintel.runs import processing
from fileintel.runs.embed import embed_passages
from fileintel.runs.extract_metadata import extract_metadata
from fileintel.runs.processing import Order
from fileintel.storage.models import Document, DocumentTextUnit, TextUnitVector, VectorSet
from fileintel.workspace import Workspace
from tests import doing

from .conftest import COLLECTION

EMBED, METADATA = Order(embed=True), Order(metadata=True)


def submitted(workspace: Workspace, order: Order) -> str:
    """The id of a run that was asked for."""
    (one,) = processing.submit(workspace, None, COLLECTION, order)
    return one.submitted.run_id


def perform(workspace: Workspace, run_id: str, order: Order, stopping: Callable[[], bool] = lambda: False) -> Any:
    """Do a run as a worker does it; returns it as it is then."""
    work = embed_passages if order.embed else extract_metadata
    with suppress(FileIntelError, Stopped):  # the run says so
        work(workspace, run_id, stopping)
    return doing.show_run(workspace, run_id)


def done(workspace: Workspace, order: Order) -> Any:
    """A new run, done."""
    return perform(workspace, submitted(workspace, order), order)


class InBackground:
    """A run that a thread works on."""

    def __init__(self, workspace: Workspace, order: Order, stopping: Callable[[], bool] = lambda: False) -> None:
        self.run_id = submitted(workspace, order)
        self._workspace = workspace
        self._thread = threading.Thread(target=perform, args=(workspace, self.run_id, order, stopping))
        self._thread.start()

    def ended(self) -> Any:
        """The run, once the thread is done with it."""
        self._thread.join(30)
        assert not self._thread.is_alive()
        return doing.show_run(self._workspace, self.run_id)


def stage(run: Any, name: str) -> Any:
    return next(stage for stage in run["stages"] if stage["name"] == name)


def passages(workspace: Workspace) -> list[DocumentTextUnit]:
    """All passages, by document and number."""
    statement = select(DocumentTextUnit).join(Document, Document.id == DocumentTextUnit.document_id)
    with workspace.database.transaction() as session:
        return list(session.execute(statement.order_by(Document.name, DocumentTextUnit.number)).scalars())


def vectors(workspace: Workspace) -> dict[str, int]:
    """How many vectors each model has."""
    statement = (
        select(VectorSet.model, func.count(TextUnitVector.text_unit_id))
        .outerjoin(TextUnitVector, TextUnitVector.set_id == VectorSet.id)
        .group_by(VectorSet.model)
    )
    with workspace.database.transaction() as session:
        return {str(row[0]): int(row[1]) for row in session.execute(statement)}
