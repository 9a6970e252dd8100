"""The fan-out of a run, as the settings bound it."""

from collections.abc import Callable

from fileintel.config import Settings
from fileintel.fanout.fanout import Fanout
from fileintel.fanout.journal import RunJournal
from fileintel.fanout.sharing import Sharing
from fileintel.llm.client import ModelClient, Tally


def fanout_of_run(
    settings: Settings,
    chat: ModelClient,
    embedder: ModelClient,
    journal: RunJournal,
    tally: Tally,
    *,
    stopping: Callable[[], bool] = lambda: False,
    sharing: Sharing | None = None,
) -> Fanout:
    """A fan-out with as many requests at once, and batches as large, as a run may have."""
    return Fanout(
        chat,
        embedder,
        journal,
        tally,
        limit=settings.graphrag.concurrency,
        embedding_limit=settings.embedding.concurrency,
        batch_size=settings.embedding.batch_size,
        batch_tokens=settings.embedding.batch_tokens,
        stopping=stopping,
        sharing=sharing,
    )
