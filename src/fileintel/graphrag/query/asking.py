"""What all query modes share: the question, the index it goes to, and one way to ask."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from fileintel.config import Settings
from fileintel.errors import EmbeddingSizeChanged, FileIntelError, ModelServerUnavailable, NoVectorsError
from fileintel.graphrag.fanout import Fanout, Outcome, Request
from fileintel.graphrag.journal import Journal
from fileintel.graphrag.prompts import PromptLibrary
from fileintel.graphrag.query.citations import Citation
from fileintel.llm.client import ModelClient, Tally
from fileintel.llm.questions import Answered, EmbeddingQuestion, Failed, Message, Question, Sampling
from fileintel.llm.tokens import Tokenizer
from fileintel.storage.answers import Freshness
from fileintel.storage.engine import Database
from fileintel.storage.models import IndexVersion, VectorSet

DATABASE_PATIENCE = 30.0  # seconds; somebody sits and waits for the answer


@dataclass(frozen=True, kw_only=True)
class Asking:
    """A question, with everything needed to answer it.

    `check_models` is called before the first question that the answer store cannot answer: whoever waits for an
    answer shall hear at once that a server is down. `stopping` is called often while an answer is waited for; what it
    raises ends the waiting.
    """

    text: str
    database: Database
    settings: Settings
    prompts: PromptLibrary
    chat: ModelClient
    embedder: ModelClient
    check_models: Callable[[], None] = lambda: None
    stopping: Callable[[], bool] = lambda: False
    tally: Tally = field(default_factory=Tally)

    @property
    def sampling(self) -> Sampling:
        """The sampling parameters of answers."""
        llm = self.settings.llm
        return Sampling(llm.temperature, llm.top_p, llm.max_tokens)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Counts tokens for the budgets of contexts."""
        return Tokenizer(self.settings.chunking.encoding)

    def ask(self, purpose: str, questions: Iterable[Question], since: datetime | None = None) -> list[Outcome]:
        """Ask all of them at once; outcomes in the order of the questions. With `since`, stored answers from before
        are not used.

        Raises:
          ModelServerUnavailable, ModelServerRefused: a server is not ready for questions.
        """
        listed = list(questions)
        outcomes: dict[int, Outcome] = {}
        journal = Journal(self.database, Freshness(since) if since else None, DATABASE_PATIENCE)
        keys = {question.key for question in listed}
        if not self.tally.calls and keys - journal.find(keys).keys():
            self.check_models()

        def request(place: int, question: Question) -> Request:
            return Request(purpose, str(place), question, lambda outcome: outcomes.update({place: outcome}))

        limit = self.settings.graphrag.concurrency
        with Fanout(self.chat, self.embedder, journal, self.tally, limit=limit, stopping=self.stopping) as fanout:
            fanout.add(request(place, question) for place, question in enumerate(listed))
            fanout.run()
        return [outcomes[place] for place in range(len(listed))]

    def vector_of_size(self, size: int, otherwise: str) -> list[float]:
        """The question's vector, which has to be comparable with others of `size` numbers.

        Raises:
          EmbeddingSizeChanged: the model's vectors are of another size; `otherwise` ends the sentence that says so.
        """
        model = str(self.embedder.endpoint.model)
        question = EmbeddingQuestion(
            "query", model, self.text, self.tokenizer.count(self.text), self.settings.embedding.dimensions
        )
        (outcome,) = self.ask("query", [question])
        vector: list[float] = good(outcome).value
        if len(vector) != size:  # the stored vector may be older than the others
            (outcome,) = self.ask("query", [question], since=datetime.now(UTC))
            vector = good(outcome).value
        if len(vector) != size:
            raise EmbeddingSizeChanged(f"embedding model {model} returns {len(vector)} numbers, {otherwise}")
        return vector

    def with_question(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """The messages of a prompt with the question at their end."""
        *first, last = messages
        return (*first, Message(role=last["role"], content=f"{last['content']}\n\nQuestion: {self.text}"))


@dataclass(frozen=True, kw_only=True)
class IndexAsking(Asking):
    """A question to one index version."""

    version: IndexVersion

    def vector(self) -> list[float]:
        """The question's vector.

        Raises:
          NoVectorsError: the index was imported without vectors.
          EmbeddingSizeChanged: it has another size than the vectors of the index.
        """
        size, model = self.version.embedding_size, self.version.embedding_model
        if not size:
            raise NoVectorsError(
                "the index was imported without vectors, so it cannot be asked: import it again without --no-embed"
            )
        return self.vector_of_size(
            size, f"the index holds vectors of {size} from {model}: set embedding.model, or index again"
        )


@dataclass(frozen=True, kw_only=True)
class PassageAsking(Asking):
    """A question to the passages that have vectors in `vector_set`."""

    vector_set: VectorSet

    def vector(self) -> list[float]:
        """The question's vector.

        Raises:
          EmbeddingSizeChanged: it has another size than the vectors of the passages.
        """
        size = self.vector_set.size
        return self.vector_of_size(
            size, f"the passages have vectors of {size}: make them anew with `fileintel documents process --embed`"
        )


@dataclass(frozen=True)
class Reply:
    """An answer with its checked citations. `unknown_citations` counts ids that the model made up."""

    mode: str
    answer: str
    citations: list[Citation]
    unknown_citations: int
    context: dict[str, Any]


def good(outcome: Outcome) -> Answered:
    """The answer, or the failure as an error.

    Raises:
      FileIntelError: the model gave no usable answer.
    """
    if isinstance(outcome, Failed):
        kind = ModelServerUnavailable if outcome.reason in ("timeout", "connection") else FileIntelError
        raise kind(f"the model gave no usable answer ({outcome.reason}): {outcome.last_error}")
    return outcome
