"""How long the vectors of an embedding model are: one question, asked once."""

from collections.abc import Callable

from fileintel.errors import ModelServerRefused
from fileintel.fanout.answer_writer import as_stored
from fileintel.fanout.journal import Journal
from fileintel.fanout.request import Outcome, Request
from fileintel.fanout.run_fanout import RunFanout
from fileintel.llm.client import ModelClient
from fileintel.llm.questions import EmbeddingQuestion, Failed

PROBE_TEXT = "How long is a vector of this model?"
PROBE_TOKENS = 10
ROUNDS = 2  # of attempts at the one answer that a whole run hangs on
PASSING = frozenset({"timeout", "connection", "server_error"})  # reasons that another round may not meet


def embedding_size(
    embedder: ModelClient,
    journal: Journal,
    fanout: RunFanout,
    dimensions: int | None,
    check: Callable[[int], None] = lambda _size: None,
) -> int:
    """The size of the model's vectors. `check` raises where it cannot be used; the answer is not kept then.

    Raises:
      ModelServerUnavailable, ModelServerRefused: it does not tell.
      Stopped, Paused: the fan-out was told to stop.
    """
    model = str(embedder.endpoint.model)
    question = EmbeddingQuestion("probe", model, PROBE_TEXT, PROBE_TOKENS, dimensions)
    for _ in range(ROUNDS):
        answer = _ask(fanout, question)
        if not (isinstance(answer, Failed) and answer.reason in PASSING):
            break
    if isinstance(answer, Failed):
        raise ModelServerRefused(f"embedding model {model}: {answer.last_error}")
    size = len(answer.value)
    check(size)
    if not answer.cached:
        journal.keep([as_stored(question, answer)])
    return size


def _ask(fanout: RunFanout, question: EmbeddingQuestion) -> Outcome:
    outcomes: list[Outcome] = []
    # kept only once its size is known to be right: the wrong one would be found again when the server is in order
    fanout.add([Request("embed", "probe", question, outcomes.append, keep=False)])
    fanout.ask(until=lambda: bool(outcomes))
    return outcomes[0]
