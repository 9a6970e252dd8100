"""Making vectors and metadata in this process, one kind after the other."""

from fileintel.cli.installation.contract import ProcessingOrder, Row, Watcher
from fileintel.cli.installation.local.views import progress_of
from fileintel.cli.interrupt import Interrupted, Parted, Stop
from fileintel.errors import RunCancelled
from fileintel.runs import execute, processing
from fileintel.runs.active_run import ActiveRunError
from fileintel.runs.embed import embed_passages
from fileintel.runs.extract_metadata import extract_metadata
from fileintel.runs.processing import Order
from fileintel.runs.run_context import Stopped, View
from fileintel.services import control, tasks
from fileintel.storage.states import RunKind
from fileintel.workspace import Workspace


def process(workspace: Workspace, order: ProcessingOrder, watcher: Watcher) -> list[Row]:
    """The runs, as they have ended.

    Raises:
      ActiveRunError: another process is at work on one of the kinds.
      Parted: the person has stopped it; what it has got is kept.
      What the work raises; the run has failed with it.
    """
    ended = []
    for kind in Order(order.embed, order.metadata).kinds:
        alone = Order(embed=kind is RunKind.EMBEDDING, metadata=kind is RunKind.METADATA)
        (one,) = processing.submit(workspace, None, order.collection, alone)
        watcher.began(one.submitted.run_id)
        _perform(workspace, order, kind, one.submitted.run_id, watcher)
        ended.append(tasks.show(workspace, one.submitted.run_id))
    return ended


def _perform(workspace: Workspace, order: ProcessingOrder, kind: RunKind, run_id: str, watcher: Watcher) -> None:
    def observe(view: View) -> None:
        watcher.progressed(progress_of(view))

    if kind is RunKind.DOCUMENTS:
        execute.process_documents(workspace, run_id)
        return
    work = embed_passages if kind is RunKind.EMBEDDING else extract_metadata
    with Stop().heard() as stop:
        try:
            if not work(workspace, run_id, lambda: stop.asked, observe):
                raise ActiveRunError(run_id, order.collection)
        except (Stopped, Interrupted):
            if order.cancel_on_interrupt:
                _cancel(workspace, run_id)
            raise Parted("stopped; every answer so far is kept: the same command goes on from here") from None


def _cancel(workspace: Workspace, run_id: str) -> None:
    """Cancel the run that was just left, which ends it at once, and the command with it."""
    control.cancel(workspace, run_id)
    raise RunCancelled("the run was cancelled; its answers are kept") from None
