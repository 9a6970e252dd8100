"""The fan-out of a run: bounded by the settings, and stopped as its run is."""

from collections.abc import Callable

from fileintel.config import Settings
from fileintel.fanout.fanout import Fanout
from fileintel.fanout.journal import RunJournal
from fileintel.fanout.sharing import Sharing
from fileintel.llm.client import ModelClient, Tally


class RunFanout(Fanout):
    """Asks the questions of one run, with as many requests at once, and batches as large, as the settings allow.

    Parameters:
      stopping: tells, besides the run's stop requests, whether nothing more is to be sent.
    """

    def __init__(
        self,
        settings: Settings,
        chat: ModelClient,
        embedder: ModelClient,
        journal: RunJournal,
        tally: Tally,
        *,
        stopping: Callable[[], bool] = lambda: False,
        sharing: Sharing | None = None,
    ) -> None:
        super().__init__(
            chat,
            embedder,
            journal,
            tally,
            limit=settings.graphrag.concurrency,
            embedding_limit=settings.embedding.concurrency,
            batch_size=settings.embedding.batch_size,
            batch_tokens=settings.embedding.batch_tokens,
            stopping=lambda: journal.stop_requests() or stopping(),
            sharing=sharing,
        )
        self._stop_requests = journal.stop_requests

    def ask(self, until: Callable[[], bool] = lambda: False) -> None:
        """Work until `until()` or until nothing is left.

        Raises:
          Stopped, Paused: the process, or the run, is to stop.
          What `Fanout.run` raises.
        """
        if not self.run(until):
            raise self._stop_requests.error()

    def take_turn(self) -> None:
        """Take what has come and send what can be sent, without waiting; see `Fanout.turn`.

        Raises: as `ask`.
        """
        if not self.turn():
            raise self._stop_requests.error()
