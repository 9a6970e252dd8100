"""Making vectors and metadata in this process, one kind after the other."""

from fileintel.installation.contract import WaitOptions, Watcher
from fileintel.installation.interrupt import Interrupted, Parted, Stop
from fileintel.installation.local.views import cancelled, progress_of
from fileintel.runs import execute, processing
from fileintel.runs.active_run import ActiveRunError
from fileintel.runs.embed import embed_passages
from fileintel.runs.extract_metadata import extract_metadata
from fileintel.runs.processing import Order, RunKind
from fileintel.runs.run_context import Stopped, View
from fileintel.services.processing import ProcessingOrder
from fileintel.services.runs import RunWithStages, described
from fileintel.workspace import Workspace


def process(
    workspace: Workspace, order: ProcessingOrder, watcher: Watcher, options: WaitOptions
) -> list[RunWithStages]:
    """The runs, as they have ended.

    Raises:
      ActiveRunError: another process is at work on one of the kinds.
      Parted: the person has stopped it; what it has got is kept.
      What the work raises; the run has failed with it.
    """
    perform = _Performing(workspace, order.collection, watcher, options)
    ended = []
    for kind in Order(order.embed, order.metadata).kinds:
        alone = Order(embed=kind is RunKind.EMBEDDING, metadata=kind is RunKind.METADATA)
        (one,) = processing.submit(workspace, None, order.collection, alone)
        watcher.began(one.submitted.run_id)
        perform(kind, one.submitted.run_id)
        ended.append(described(workspace, one.submitted.run_id))
    return ended


class _Performing:
    """Does the work of runs here."""

    def __init__(self, workspace: Workspace, collection: str, watcher: Watcher, options: WaitOptions) -> None:
        self._workspace = workspace
        self._collection = collection
        self._watcher = watcher
        self._options = options

    def __call__(self, kind: RunKind, run_id: str) -> None:
        if kind is RunKind.DOCUMENTS:
            execute.process_documents(self._workspace, run_id)
            return
        work = embed_passages if kind is RunKind.EMBEDDING else extract_metadata
        with Stop().heard() as stop:
            try:
                if not work(self._workspace, run_id, lambda: stop.asked, self._observe):
                    raise ActiveRunError(run_id, self._collection)
            except (Stopped, Interrupted):
                if self._options.cancel_on_interrupt:
                    raise cancelled(self._workspace, run_id) from None
                raise Parted("stopped; every answer so far is kept: the same command goes on from here") from None

    def _observe(self, view: View) -> None:
        self._watcher.progressed(progress_of(view))
