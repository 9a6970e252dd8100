"""What all query modes share: the question, the index it goes to, and one way to ask."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from types import TracebackType
from typing import Any

from fileintel.config import Settings
from fileintel.errors import EmbeddingSizeChanged, ModelServerUnavailable, NoUsableAnswer, NoVectorsError
from fileintel.fanout.fanout import Fanout
from fileintel.fanout.journal import Journal
from fileintel.fanout.request import Outcome, Request
from fileintel.graphrag.prompts import PromptLibrary
from fileintel.graphrag.query.answer_stream import AnswerListener
from fileintel.graphrag.query.citations import Citation
from fileintel.graphrag.query.conversation import Turn, messages, recent, searched_for
from fileintel.graphrag.query.hang_detector import HangDetector
from fileintel.graphrag.query.query_request import QueryRequest
from fileintel.llm.caller import Caller
from fileintel.llm.client import ModelClient, Tally
from fileintel.llm.questions import Answered, ChatQuestion, EmbeddingQuestion, Failed, Message, Question, Sampling
from fileintel.llm.readiness import Readiness
from fileintel.llm.streaming import Narrator
from fileintel.llm.tokenizer_file import tokenizer_for
from fileintel.llm.tokens import Tokenizer
from fileintel.storage.answers import Freshness
from fileintel.storage.engine import Database
from fileintel.storage.models import IndexVersion, VectorSet

DATABASE_PATIENCE = 30.0  # seconds; a person waits for the answer


@dataclass(frozen=True, kw_only=True)
class Asking:
    """A question, with everything needed to answer it. A context manager: its end is when all answers are stored.

    `readiness` is looked at before a question that the answer store cannot answer: the caller shall
    be told at once that a server is down. A server that goes away meanwhile is waited for as long as the `caller` has
    patience. `stopping` is called often while an answer is waited for; what it
    raises ends the waiting. `listener` is told the answer while it is written, by the `narrator`.
    """

    query_request: QueryRequest
    database: Database
    settings: Settings
    prompts: PromptLibrary
    chat: ModelClient
    embedder: ModelClient
    readiness: Readiness
    caller: Caller
    narrator: Narrator | None = None
    listener: AnswerListener | None = None
    stopping: Callable[[], bool] = lambda: False
    tally: Tally = field(default_factory=Tally)

    @property
    def text(self) -> str:
        """The question."""
        return self.query_request.text.strip()

    @property
    def language(self) -> str:
        """What the answer is to be written in, in words."""
        settings = self.settings
        asked_for = self.query_request.language or settings.query.language or settings.graphrag.language
        return asked_for or "the language of the question"

    @property
    def response_type(self) -> str:
        """The form of the answer, in words."""
        return self.query_request.wanted.words or self.settings.query.response_type

    @cached_property
    def history(self) -> tuple[Turn, ...]:
        """What was said before, as far as it is taken into account."""
        query = self.settings.query
        return recent(
            self.query_request.history, query.history_max_turns, query.history_max_tokens, self.tokenizer.count
        )

    @property
    def sampling(self) -> Sampling:
        """The sampling parameters of answers."""
        llm = self.settings.llm
        return Sampling(llm.temperature, llm.top_p, llm.max_tokens)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Counts tokens for the budgets of contexts."""
        return tokenizer_for(self.settings.chunking)

    def __enter__(self) -> "Asking":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Wait until every answer is stored, and let go of what was needed to get them."""
        if "_fanout" in self.__dict__:
            with self._fanout as fanout:
                if error is None:
                    fanout.settle()

    def ask(self, purpose: str, questions: Iterable[Question], since: datetime | None = None) -> list[Outcome]:
        """Ask all of them at once; outcomes in the order of the questions. With `since`, stored answers from before
        are not used.

        The answers are being stored when they are returned. What rests on them can be worked out meanwhile; the next
        questions wait until they are stored, and so does the end of the asking.

        Raises:
          ModelServerUnavailable, ModelServerRefused: a server is not ready for questions, or says nothing any more.
        """
        listed = list(questions)
        if since is None:
            return self._asked(purpose, listed, self._journal, self._fanout)
        journal = Journal(self.database, Freshness(since), DATABASE_PATIENCE)
        with self._fanout_with(journal) as fanout:
            outcomes = self._asked(purpose, listed, journal, fanout)
            fanout.settle()
        return outcomes

    def settle(self) -> None:
        """Wait until the answers that were returned are stored. Needed where a question is not asked by `ask`.

        Raises:
          DatabaseUnavailable: they cannot be.
        """
        self._fanout.settle()

    def _asked(self, purpose: str, questions: Sequence[Question], journal: Journal, fanout: Fanout) -> list[Outcome]:
        keys = {question.key for question in questions}
        if not self.readiness.is_known() and keys - journal.find(keys).keys():
            self.readiness.expect()
        outcomes: dict[int, Outcome] = {}

        asked_of_chat = any(isinstance(question, ChatQuestion) for question in questions)
        silence = HangDetector(self.chat if asked_of_chat else self.embedder, self.caller.patience)

        def request(place: int, question: Question) -> Request:
            def note(outcome: Outcome) -> None:
                silence.heard()
                outcomes[place] = outcome

            return Request(purpose, str(place), question, note)

        fanout.add(request(place, question) for place, question in enumerate(questions))
        fanout.run(until=lambda: len(outcomes) == len(questions) or silence.endure())
        return [outcomes[place] for place in range(len(questions))]

    @cached_property
    def _journal(self) -> Journal:
        return Journal(self.database, patience=DATABASE_PATIENCE)

    @cached_property
    def _fanout(self) -> Fanout:
        return self._fanout_with(self._journal)

    def _fanout_with(self, journal: Journal) -> Fanout:
        return Fanout(
            self.chat,
            self.embedder,
            journal,
            self.tally,
            limit=self.settings.graphrag.concurrency,
            stopping=self.stopping,
            urgent=True,
            patience=self.caller.patience,
        )

    def vector_of_size(self, size: int, otherwise: str) -> list[float]:
        """The question's vector, which has to be comparable with others of `size` numbers.

        Raises:
          EmbeddingSizeChanged: the model's vectors are of another size; `otherwise` ends the sentence that says so.
        """
        (vector,) = self.vectors_of_size([searched_for(self.text, self.history)], size, otherwise)
        return vector

    def vectors_of_size(self, texts: Sequence[str], size: int, otherwise: str) -> list[list[float]]:
        """The vectors of several texts, asked for at once, each of `size` numbers.

        Raises:
          EmbeddingSizeChanged: the model's vectors are of another size; `otherwise` ends the sentence that says so.
        """
        model = str(self.embedder.endpoint.model)
        dimensions, bound = self.settings.embedding.dimensions, self.settings.embedding.max_input_tokens
        fitting = [self.tokenizer.fit(text, bound) for text in texts]
        questions = [EmbeddingQuestion("query", model, text, tokens, dimensions) for text, tokens in fitting]
        vectors: list[list[float]] = [good(outcome).value for outcome in self.ask("query", questions)]
        if any(len(vector) != size for vector in vectors):  # the stored vectors may be older than the others
            outcomes = self.ask("query", questions, since=datetime.now(UTC))
            vectors = [good(outcome).value for outcome in outcomes]
        if unlike := next((len(vector) for vector in vectors if len(vector) != size), None):
            raise EmbeddingSizeChanged(f"embedding model {model} returns {unlike} numbers, {otherwise}")
        return vectors

    def with_question(self, prompt: tuple[Message, ...], text: str | None = None) -> tuple[Message, ...]:
        """The messages of a prompt with what was said before in their midst, and the question at their end."""
        *first, last = prompt
        asked = Message(role=last["role"], content=f"{last['content']}\n\nQuestion: {text or self.text}")
        return (*first, *messages(self.history), asked)


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
        return self._vector

    @cached_property
    def _vector(self) -> list[float]:
        (vector,) = self.vectors([searched_for(self.text, self.history)])
        return vector

    def vectors(self, texts: Sequence[str]) -> list[list[float]]:
        """The vectors of several texts.

        Raises:
          EmbeddingSizeChanged: they have another size than the vectors of the index.
        """
        size, model = self.version.embedding_size, self.version.embedding_model
        if not size:
            raise NoVectorsError(
                "the index was imported without vectors, so it cannot be asked: import it again without --no-embed"
            )
        return self.vectors_of_size(
            texts, size, f"the index holds vectors of {size} from {model}: set embedding.model, or index again"
        )


@dataclass(frozen=True, kw_only=True)
class VectorAsking(Asking):
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
    """An answer with its checked citations.

    `unknown_citations` counts ids that the model made up. `data` is what an answer in JSON holds. `picked` says which
    mode was picked, and why, where that was left to us; `note` what this answer could not rest on.
    """

    mode: str
    answer: str
    citations: list[Citation]
    unknown_citations: int
    context: dict[str, Any]
    data: Any = None
    picked: str | None = None
    note: str | None = None


def good(outcome: Outcome) -> Answered:
    """The answer, or the failure as an error.

    Raises:
      ModelServerUnavailable, NoUsableAnswer: the model gave none that can be used.
    """
    if isinstance(outcome, Failed):
        kind = ModelServerUnavailable if outcome.reason in ("timeout", "connection") else NoUsableAnswer
        raise kind(f"the model gave no usable answer ({outcome.reason}): {outcome.last_error}")
    return outcome
