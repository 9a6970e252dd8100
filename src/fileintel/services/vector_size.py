"""How long the vectors of an embedding model are: one question, asked once."""

from collections.abc import Callable

from fileintel.errors import ModelServerRefused
from fileintel.graphrag.journal import Journal
from fileintel.llm.client import ModelClient, Tally, embedding_answer
from fileintel.llm.questions import Answered, EmbeddingQuestion
from fileintel.storage.answers import StoredAnswer

PROBE_TEXT = "How long is a vector of this model?"
PROBE_TOKENS = 10


def embedding_size(
    embedder: ModelClient,
    journal: Journal,
    tally: Tally,
    dimensions: int | None,
    check: Callable[[int], None] = lambda _size: None,
) -> int:
    """The size of the model's vectors. `check` raises where it cannot be used; the answer is not kept then.

    Raises:
      ModelServerUnavailable, ModelServerRefused: it does not tell.
    """
    model = str(embedder.endpoint.model)
    question = EmbeddingQuestion("probe", model, PROBE_TEXT, PROBE_TOKENS, dimensions)
    stored = journal.look_up([question.key]).get(question.key)
    if stored is not None and stored.vector is not None:
        size = len(embedding_answer(stored.vector).value)
        check(size)
        return size
    (answer,) = embedder.embed([question], tally)
    if not isinstance(answer, Answered):
        raise ModelServerRefused(f"embedding model {model}: {answer.last_error}")
    size = len(answer.value)
    check(size)
    journal.record([_as_stored(question, answer)], [])
    return size


def _as_stored(question: EmbeddingQuestion, answer: Answered) -> StoredAnswer:
    return StoredAnswer(
        question.key, question.model, question.purpose, None, answer.vector, None, answer.prompt_tokens, 0
    )
