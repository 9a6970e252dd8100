"""The fan-out: one owner that keeps many questions under way and hands out the answers as they come.

The owner (the greenlet that calls `run`) alone touches the database. It looks a window of questions up in the
answer store, sends what is missing through a bounded pool, keeps arriving answers, and then calls the
request's `deliver`, which may return follow-up requests: a gleaning after an extraction, a parent's report
when its last child is done. There is no barrier: a request starts when it is there and a slot is free, the
most urgent first.
"""

import heapq
import itertools
import queue
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from fileintel.graphrag.journal import Journal
from fileintel.llm.client import ModelClient, Tally, embedding_answer
from fileintel.llm.questions import (
    Answered,
    ChatQuestion,
    EmbeddingQuestion,
    Failed,
    InvalidAnswer,
    Question,
)
from fileintel.runtime import breathe, make_pool
from fileintel.storage.answers import StoredAnswer
from fileintel.storage.runs import GapRecord

WINDOW = 256  # questions looked up in one query
LONGEST_WAIT_SECONDS = 0.2  # the owner wakes at least this often, to see whether it is to stop

Outcome = Answered | Failed


@dataclass(frozen=True)
class Request:
    """A question of a stage, and what to do with its outcome.

    `deliver` runs in the owner, in order of arrival; it must not wait for anything. `priority`: lower goes first.
    """

    stage: str
    item: str
    question: Question
    deliver: Callable[[Outcome], Iterable["Request"] | None]
    priority: float = 0.0


@dataclass
class _Arrival:
    requests: list[Request]
    outcomes: list[Outcome] = field(default_factory=list)
    error: BaseException | None = None


class _Lane:
    """The requests of one kind on their way: not looked up yet, missing from the store, under way."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.sources: list[tuple[float, int, Iterator[Request]]] = []
        self.missing: list[tuple[float, int, Request]] = []
        self.in_flight = 0

    @property
    def idle(self) -> bool:
        return not (self.sources or self.missing or self.in_flight)

    def pull(self, count: int) -> list[Request]:
        """Up to `count` requests that have not been looked up, the most urgent first."""
        pulled: list[Request] = []
        while self.sources and len(pulled) < count:
            _, _, source = self.sources[0]
            request = next(source, None)
            if request is None:
                heapq.heappop(self.sources)
            else:
                pulled.append(request)
        return pulled


class Fanout:
    """Answers requests with up to `limit` chat questions and `embedding_limit` batches under way.

    Parameters:
      chat, embedder: the clients of the two endpoints; their gates bound what the whole process sends.
      journal: where answers come from and go to.
      batch_size, batch_tokens: how many texts and how many tokens one embedding request holds at most.
      stopping: asked often; when it says True nothing new is sent, what is under way is awaited and kept.
    """

    def __init__(
        self,
        chat: ModelClient,
        embedder: ModelClient,
        journal: Journal,
        tally: Tally,
        *,
        limit: int = 50,
        embedding_limit: int = 8,
        batch_size: int = 64,
        batch_tokens: int = 32_000,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._chat = chat
        self._embedder = embedder
        self._journal = journal
        self._tally = tally
        self._batch_size = batch_size
        self._batch_tokens = batch_tokens
        self._stopping = stopping
        self._lanes = {ChatQuestion: _Lane(limit), EmbeddingQuestion: _Lane(embedding_limit)}
        self._pool = make_pool(limit + embedding_limit)
        self._arrivals: queue.SimpleQueue[_Arrival] = queue.SimpleQueue()
        self._asked: dict[bytes, list[Request]] = {}
        self._order = itertools.count()

    def add(self, requests: Iterable[Request]) -> None:
        """Give requests in. They are taken from the iterable when there is room for them; all of them must be of
        the kind of the first, and its priority is taken for all."""
        source = iter(requests)
        first = next(source, None)
        if first is not None:
            lane = self._lanes[type(first.question)]
            heapq.heappush(lane.sources, (first.priority, next(self._order), itertools.chain((first,), source)))

    def run(self, until: Callable[[], bool] = lambda: False) -> bool:
        """Work until `until()` or until nothing is left; True unless it was told to stop before.

        Requests that are not finished by then stay, and go on with the next call.

        Raises:
          ModelServerUnavailable, ModelServerRefused: no question can be answered any more.
          LeaseLost, RunCancelled: from the journal.
          What arrived before is kept in each case.
        """
        while not until() and not self._idle():
            stopping = self._stopping()
            if not stopping:
                self._look_up()
                self._dispatch()
            if self._under_way():
                self._collect()
            elif stopping:
                return False
            self._journal.tick()
        return True

    def close(self) -> None:
        """Keep the answers that have arrived, and drop what is still under way."""
        self._pool.kill()
        self._keep(self._arrived(wait=False))

    def __enter__(self) -> "Fanout":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _idle(self) -> bool:
        return self._arrivals.empty() and all(lane.idle for lane in self._lanes.values())

    def _under_way(self) -> bool:
        return any(lane.in_flight for lane in self._lanes.values()) or not self._arrivals.empty()

    def _look_up(self) -> None:
        """Fill the lanes with questions that the store cannot answer; hand out what it can."""
        for lane in self._lanes.values():
            while len(lane.missing) < max(lane.limit, self._batch_size) and (window := lane.pull(WINDOW)):
                stored = self._journal.look_up(list({request.question.key for request in window}))
                for request in window:
                    answer = stored.get(request.question.key)
                    outcome = None if answer is None else _revive(request.question, answer)
                    if outcome is not None:
                        self._deliver(request, outcome)
                    elif request.question.key in self._asked:  # the same question is on its way already
                        self._asked[request.question.key].append(request)
                    else:
                        self._asked[request.question.key] = []
                        heapq.heappush(lane.missing, (request.priority, next(self._order), request))
                breathe()

    def _dispatch(self) -> None:
        chat, embedding = self._lanes[ChatQuestion], self._lanes[EmbeddingQuestion]
        while chat.missing and chat.in_flight < chat.limit:
            chat.in_flight += 1
            self._pool.spawn(self._ask, heapq.heappop(chat.missing)[2])
        while embedding.missing and embedding.in_flight < embedding.limit and self._batch_is_due(embedding):
            embedding.in_flight += 1
            self._pool.spawn(self._embed, self._next_batch(embedding))

    def _batch_is_due(self, lane: _Lane) -> bool:
        """A full batch, or a smaller one when nothing that is under way could still fill it."""
        return len(lane.missing) >= self._batch_size or not (lane.sources or self._lanes[ChatQuestion].in_flight)

    def _next_batch(self, lane: _Lane) -> list[Request]:
        batch: list[Request] = []
        tokens = 0
        while lane.missing and len(batch) < self._batch_size:
            question = lane.missing[0][2].question
            assert isinstance(question, EmbeddingQuestion)
            tokens += question.tokens
            if batch and tokens > self._batch_tokens:
                break
            batch.append(heapq.heappop(lane.missing)[2])
        return batch

    def _ask(self, request: Request) -> None:
        """In a greenlet of the pool: one question, from sending to parsing."""
        question = request.question
        assert isinstance(question, ChatQuestion)
        arrival = _Arrival([request])
        try:
            arrival.outcomes = [self._chat.ask(question, self._tally, self)]
        except Exception as error:  # noqa: BLE001 -- whatever it is, the owner must hear of it
            arrival.error = error
        self._arrivals.put(arrival)

    def _embed(self, batch: list[Request]) -> None:
        arrival = _Arrival(batch)
        try:
            questions = [request.question for request in batch if isinstance(request.question, EmbeddingQuestion)]
            arrival.outcomes = self._embedder.embed(questions, self._tally, self)
        except Exception as error:  # noqa: BLE001 -- as above
            arrival.error = error
        self._arrivals.put(arrival)

    def _collect(self) -> None:
        self._take_in(self._arrived(wait=True))

    def _arrived(self, wait: bool) -> list[_Arrival]:
        arrivals = []
        try:
            if wait:
                arrivals.append(self._arrivals.get(timeout=LONGEST_WAIT_SECONDS))
            while True:
                arrivals.append(self._arrivals.get_nowait())
        except queue.Empty:
            return arrivals

    def _take_in(self, arrivals: list[_Arrival]) -> None:
        """Keep what arrived, then hand it out. The first error is raised after everything was kept."""
        deliveries = self._keep(arrivals)
        for error in (arrival.error for arrival in arrivals if arrival.error is not None):
            raise error
        for request, outcome in deliveries:
            self._deliver(request, outcome)

    def _keep(self, arrivals: list[_Arrival]) -> list[tuple[Request, Outcome]]:
        """Store answers and gaps; returns what is to be delivered, to requests for the same question as well."""
        answers: list[StoredAnswer] = []
        deliveries: list[tuple[Request, Outcome]] = []
        for arrival in arrivals:
            self._lanes[type(arrival.requests[0].question)].in_flight -= 1
            for request, outcome in zip(arrival.requests, arrival.outcomes, strict=False):  # no outcomes after an error
                if isinstance(outcome, Answered):
                    answers.append(_to_store(request.question, outcome))
                twins = self._asked.pop(request.question.key, [])
                deliveries.extend((one, outcome) for one in (request, *twins))
        gaps = [
            GapRecord(request.stage, request.item, outcome.reason, outcome.attempts, outcome.last_error)
            for request, outcome in deliveries
            if isinstance(outcome, Failed)
        ]
        if answers or gaps:
            self._journal.record(answers, gaps)
        return deliveries

    def _deliver(self, request: Request, outcome: Outcome) -> None:
        for follow_up in request.deliver(outcome) or ():
            lane = self._lanes[type(follow_up.question)]
            heapq.heappush(lane.sources, (follow_up.priority, next(self._order), iter((follow_up,))))


def _revive(question: Question, stored: StoredAnswer) -> Answered | None:
    """A stored answer as if it had just come; None when it does not parse any more."""
    if isinstance(question, EmbeddingQuestion):
        return None if stored.vector is None else embedding_answer(stored.vector, cached=True)
    try:
        value = question.parse(stored.content or "")
    except InvalidAnswer:
        return None
    return Answered(value, stored.content, None, stored.finish_reason, cached=True)


def _to_store(question: Question, answered: Answered) -> StoredAnswer:
    return StoredAnswer(
        key=question.key,
        model=question.model,
        purpose=question.purpose,
        content=answered.content,
        vector=answered.vector,
        finish_reason=answered.finish_reason,
        prompt_tokens=answered.prompt_tokens,
        completion_tokens=answered.completion_tokens,
    )
