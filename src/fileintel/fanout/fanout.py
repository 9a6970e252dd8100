"""The fan-out: one owner that keeps many questions under way and hands out the answers as they come.

The owner (the greenlet that calls `run`) looks a window of questions up in the answer store, takes those that are
not asked yet, and sends them through a bounded pool. The owner calls the request's `deliver` with each answer, which
may return follow-up requests: a gleaning after an extraction, a parent's report when its last child is done. The
answer writer stores the answers meanwhile; nothing that rests on an answer is sent before it is stored. There is no
barrier: a request starts when it is there and a slot is free, the most urgent first; a slot is free as soon as the
answer that was in it is stored, whatever the owner does.
"""

import contextlib
import itertools
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fileintel.errors import DatabaseUnavailable, FileIntelError, LeaseLost
from fileintel.fanout.answer_writer import AnswerWriter
from fileintel.fanout.journal import Journal, LookUp
from fileintel.fanout.lane import WINDOW, Lane
from fileintel.fanout.request import Arrival, Outcome, Request
from fileintel.llm.caller import Caller, CallerCancelled
from fileintel.llm.client import ModelClient, Tally, embedding_answer
from fileintel.llm.questions import (
    Answered,
    ChatQuestion,
    EmbeddingQuestion,
    Failed,
    InvalidAnswer,
    Question,
)
from fileintel.runtime import make_pool, yield_to_hub
from fileintel.storage.answers import StoredAnswer
from fileintel.storage.run_counts import GapRecord

if TYPE_CHECKING:
    from fileintel.fanout.sharing import Sharing  # it knows the stages, which know the fan-out

LONGEST_WAIT_SECONDS = 0.2  # the owner wakes at least this often, to see whether it is to stop
CUT_SHORT = "cut_short"  # the reason of a gap whose answer was used as far as it goes
SHARED_SECONDS = 0.1  # the same while others ask for us
ELSEWHERE_SECONDS = 0.5  # how often it looks whether others have got the answers that it waits for


class Fanout:
    """Answers requests with up to `limit` chat questions and `embedding_limit` batches under way.

    Parameters:
      chat, embedder: the clients of the two endpoints; their gates bound what the whole process sends.
      journal: where answers come from and go to.
      batch_size, batch_tokens: how many texts and how many tokens one embedding request holds at most.
      urgent: a person waits for the answers: at the gates they go before those of others.
      patience: seconds that a server which is away is waited for; None leaves it to the client.
      stopping: asked often; when it says True nothing new is sent, what is under way is awaited and kept.
      sharing: gives questions that have to wait here to other workers.
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
        urgent: bool = False,
        patience: float | None = None,
        sharing: "Sharing | None" = None,
    ) -> None:
        self._chat = chat
        self._embedder = embedder
        self._journal = journal
        self._tally = tally
        self._batch_size = batch_size
        self._batch_tokens = batch_tokens
        self._stopping = stopping
        self.chat = Lane(limit, limit)
        self._embeddings = Lane(embedding_limit, embedding_limit * batch_size)
        self._lanes = {ChatQuestion: self.chat, EmbeddingQuestion: self._embeddings}
        self._pool = make_pool(limit + embedding_limit)
        self._answer_writer = AnswerWriter(journal, self._stored)
        self._asked: dict[bytes, list[Request]] = {}
        self._fresh: dict[bytes, Answered] = {}  # handed out, and perhaps not stored when others are looked up
        self._elsewhere: list[Request] = []  # another run or worker is asking these
        self._looked_elsewhere_at = float("-inf")
        self._sharing = sharing
        self._new_errand = partial(Caller, urgent=urgent, patience=patience)
        self._caller = self._new_errand()

    def add(self, requests: Iterable[Request]) -> None:
        """Give requests in. They are taken from the iterable when there is room for them; all of them must be of
        the kind of the first, and its priority is taken for all."""
        source = iter(requests)
        first = next(source, None)
        if first is not None:
            self._lane_of(first).add(first.priority, itertools.chain((first,), source))

    def run(self, until: Callable[[], bool] = lambda: False) -> bool:
        """Work until `until()` or until nothing is left; True unless it was told to stop before.

        Requests that are not finished by then stay, and go on with the next call.

        Raises:
          ModelServerUnavailable, ModelServerRefused: no question can be answered any more.
          DatabaseUnavailable, LeaseLost, RunCancelled: from the journal.
          What arrived before is kept in each case, as soon as there is a database to keep it.
        """
        self._begin()
        while not until():
            if self.idle:
                self._answer_writer.settle()
                break
            if not self._turn(wait=True):
                return False
        return True

    def turn(self) -> bool:
        """Take what has come and send what can be sent, without waiting for more: for an owner who is busy with
        something else meanwhile. False when it was told to stop, and nothing is under way any more.

        Raises: as `run`.
        """
        self._begin()
        return self.idle or self._turn(wait=False)

    def _begin(self) -> None:
        if self._caller.cancelled:
            self._caller = self._new_errand()

    def _turn(self, *, wait: bool) -> bool:
        stopping = self._stopping()
        if stopping:
            self._call_off()
            self._take_back(self._sharing.withdraw() if self._sharing is not None else [], cached=True)
            looked_up = False
        else:
            looked_up = self._look_up()
            self._dispatch()
            looked_up = self._share() or looked_up
        if self._under_way() or (self._waits_for_others() and not stopping):
            at_once = looked_up or not (wait or stopping)
            self._take_in(self._answer_writer.get(0 if at_once else self._longest_wait()))
        else:
            self._answer_writer.settle()  # only then is there room for more
            if stopping:
                return False
        self._journal.tick()
        return True

    def settle(self) -> None:
        """Wait until what was handed out is stored.

        Raises:
          DatabaseUnavailable, LeaseLost, RunCancelled: it cannot be.
        """
        self._answer_writer.settle()

    def close(self) -> None:
        """Keep the answers that have arrived, and drop what is still under way."""
        self._call_off()
        try:
            self._pool.kill()
        finally:
            self._answer_writer.close()
            with contextlib.suppress(DatabaseUnavailable):  # then what was taken expires
                self._journal.leave()
            if self._sharing is not None:
                with contextlib.suppress(DatabaseUnavailable, LeaseLost):  # then the next attempt clears up
                    self._sharing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None:
            self.close()
            return
        with contextlib.suppress(FileIntelError):  # what went wrong first is what has to be told
            self.close()

    def _call_off(self) -> None:
        """Call back the requests that have not been sent to a server yet, or wait for one. Those under way go on."""
        if not self._caller.cancelled:
            self._caller.cancel()
            for client in (self._chat, self._embedder):
                client.gate.wake(self._caller)

    @property
    def idle(self) -> bool:
        """Whether nothing is left to do."""
        return not self._waits_for_others() and all(lane.idle for lane in self._lanes.values())

    def _waits_for_others(self) -> bool:
        return bool(self._elsewhere or self._shared())

    def _shared(self) -> int:
        return self._sharing.out if self._sharing is not None else 0

    def _longest_wait(self) -> float:
        return SHARED_SECONDS if self._shared() else LONGEST_WAIT_SECONDS

    def _under_way(self) -> bool:
        return any(lane.in_flight for lane in self._lanes.values())

    def _look_up(self) -> bool:
        """Look up one window of each lane: hand out what the store can answer, make ready what is ours to ask. True
        when there was anything to look up, so that there may be more."""
        windows = [self.chat.pull(), self._embeddings.pull() if self._is_due(self._embeddings.at_hand()) else []]
        windows = [window for window in windows if window]
        for window in windows + self._due_elsewhere():
            self._sort_window(window, self._journal.look_up, cached=True)
            self._dispatch()
        return bool(windows)

    def _sort_window(
        self, window: list[Request], look_up: Callable[[Collection[bytes]], LookUp], *, cached: bool
    ) -> None:
        """Hand out the answers that the store has for these, and make ready the other questions that are ours to ask.

        Parameters:
          cached: the answers were not asked for by this run.
        """
        # what is on its way needs no look-up, and must not be taken: another worker may be about to ask it for us
        keys = {request.question.key for request in window} - self._asked.keys()
        found = look_up(keys) if keys else LookUp({}, set())
        self._answer_writer.settle()  # what these rest on
        for request in window:
            key = request.question.key
            stored, fresh = found.stored.get(key), self._fresh.get(key)
            outcome: Outcome | None = None
            if stored is not None:
                outcome = self._usable(request.question, stored, cached=cached)
            if outcome is None and fresh is not None:
                outcome = _told_to(request.question, fresh)
            if isinstance(outcome, Answered):
                self._write_gaps([(request, outcome)])
                self._deliver(request, outcome)
            elif key in self._asked:  # the same question is on its way already
                self._asked[key].append(request)
            elif key in found.taken or stored or fresh:  # ours to ask; or there is an answer that this one cannot read
                self._asked[key] = []
                self._lane_of(request).make_ready(request)
            else:
                self._elsewhere.append(request)
            yield_to_hub()
        self._fresh.clear()

    def _usable(self, question: Question, stored: StoredAnswer, *, cached: bool) -> Answered | None:
        """A stored answer, unless it cannot be read any more, or is less than whole and from before this work: then it
        is asked for again."""
        outcome = _revive(question, stored, cached=cached)
        is_cut = outcome is not None and outcome.flaw is not None
        return None if is_cut and not self._journal.asked_since(stored) else outcome

    def _share(self) -> bool:
        """Let others ask what has to wait here, and hand out what they have answered. True when something came back."""
        if self._sharing is None:
            return False
        self.chat.reserve = max(self.chat.limit, self._sharing.reserve)
        turn = self._sharing.turn(self.chat)
        failed = [each for request, outcome in turn.failed for each in self._with_twins(request, outcome)]
        self._write_gaps(failed)
        for request, outcome in failed:
            self._deliver(request, outcome)
        self._take_back(turn.answered, cached=False)
        self._take_back(turn.returned, cached=True)
        return bool(turn.failed or turn.answered or turn.returned)

    def _take_back(self, requests: Sequence[Request], *, cached: bool) -> None:
        """Look up requests that are no longer with other workers."""
        back = [each for request in requests for each in (request, *self._asked.pop(request.question.key, ()))]
        for start in range(0, len(back), WINDOW):
            self._sort_window(back[start : start + WINDOW], self._journal.collect, cached=cached)

    def _due_elsewhere(self) -> list[list[Request]]:
        """Return the requests that another worker is asking, in windows, when it is time to look again.

        The answers may have come. A question that got none, or whose worker died, is ours to ask.
        """
        now = time.monotonic()
        if not self._elsewhere or now - self._looked_elsewhere_at < ELSEWHERE_SECONDS:
            return []
        self._looked_elsewhere_at = now
        waiting, self._elsewhere = self._elsewhere, []
        return [waiting[start : start + WINDOW] for start in range(0, len(waiting), WINDOW)]

    def _dispatch(self) -> None:
        if self.chat.ready or self._embeddings.ready:
            self._answer_writer.start()
        self._send()
        yield_to_hub()  # those that were sent are on their way before more are made

    def _send(self) -> None:
        while not self._stopping() and (request := self.chat.take()) is not None:
            self._pool.spawn(self._ask, request)
        texts = self._embeddings
        while not self._stopping() and (
            texts.ready >= self._batch_size or (not texts.sources and self._is_due(texts.ready))
        ):
            batch = texts.take_batch(self._batch_size, self._batch_tokens)
            if not batch:
                break
            self._pool.spawn(self._embed, batch)

    def _stored(self, arrival: Arrival) -> None:
        """Called by the answer writer: the slot is free. The owner may be busy: the next one is sent from here."""
        lane = self._lane_of(arrival.requests[0])
        lane.stored()
        if arrival.error is None and not self._caller.cancelled:
            self._send()

    def _is_due(self, texts: float) -> bool:
        """Whether so many texts are worth a look-up and a call: they fill a batch, or not more of them can still come.
        So batches get smaller and smaller towards the end, and nearly nothing is left to do after the last answer."""
        may_come = self.chat.in_flight + self.chat.ready + self._shared()
        return texts >= self._batch_size or not (self.chat.sources or texts < may_come)

    def _ask(self, request: Request) -> None:
        """In a greenlet of the pool: one question, from sending to parsing."""
        question = request.question
        assert isinstance(question, ChatQuestion)
        arrival = Arrival([request])
        try:
            arrival.outcomes = [self._chat.ask(question, self._tally, self._caller)]
        except BaseException as error:  # noqa: BLE001 -- the owner must get every error
            arrival.error = error
        self._answer_writer.put(arrival)

    def _embed(self, batch: list[Request]) -> None:
        arrival = Arrival(batch)
        try:
            questions = [request.question for request in batch if isinstance(request.question, EmbeddingQuestion)]
            arrival.outcomes = self._embedder.embed(questions, self._tally, self._caller)
        except BaseException as error:  # noqa: BLE001 -- as above
            arrival.error = error
        self._answer_writer.put(arrival)

    def _take_in(self, arrivals: list[Arrival]) -> None:
        """Hand out what has come. The first error is raised after everything else was written down."""
        deliveries = self._sorted(arrivals)
        self._write_gaps(deliveries)
        for error in (arrival.error for arrival in arrivals if arrival.error is not None):
            if not isinstance(error, CallerCancelled):
                raise error
        for request, outcome in deliveries:
            self._deliver(request, outcome)
            yield_to_hub()

    def _write_gaps(self, deliveries: Sequence[tuple[Request, Outcome]]) -> None:
        cut_short = [
            GapRecord(request.stage, request.item, CUT_SHORT, outcome.attempts, outcome.flaw)
            for request, outcome in deliveries
            if isinstance(outcome, Answered) and outcome.flaw is not None and request.keep
        ]
        if cut_short:
            self._journal.note_gaps(cut_short)
        failed = [(request, outcome) for request, outcome in deliveries if isinstance(outcome, Failed)]
        if failed:
            gaps = [
                GapRecord(request.stage, request.item, outcome.reason, outcome.attempts, outcome.last_error)
                for request, outcome in failed
                if request.keep
            ]
            self._journal.fail(list({request.question.key for request, _ in failed}), gaps)

    def _with_twins(self, request: Request, outcome: Outcome) -> list[tuple[Request, Outcome]]:
        """The outcome for a request, and for those that have waited for the same answer."""
        twins = self._asked.pop(request.question.key, ())
        return [(request, outcome), *((twin, _told_to(twin.question, outcome)) for twin in twins)]

    def _sorted(self, arrivals: list[Arrival]) -> list[tuple[Request, Outcome]]:
        """What is to be delivered, to requests for the same question as well; what came back unasked is made ready
        again."""
        deliveries: list[tuple[Request, Outcome]] = []
        for arrival in arrivals:
            self._lane_of(arrival.requests[0]).handed_out()
            if arrival.error is not None:
                for request in arrival.requests:
                    self._lane_of(request).make_ready(request)
                continue
            for request, outcome in zip(arrival.requests, arrival.outcomes, strict=True):
                if isinstance(outcome, Answered) and request.keep:
                    self._fresh[request.question.key] = outcome
                deliveries += self._with_twins(request, outcome)
        return deliveries

    def _deliver(self, request: Request, outcome: Outcome) -> None:
        if isinstance(outcome, Answered):
            self._journal.delivered(request.question, outcome)
        for follow_up in request.deliver(outcome) or ():
            self._lane_of(follow_up).add_one(follow_up)

    def _lane_of(self, request: Request) -> Lane:
        return self._lanes[request.kind]


def _revive(question: Question, stored: StoredAnswer, *, cached: bool) -> Answered | None:
    """A stored answer as if it had just come; None when it does not parse any more."""
    if isinstance(question, EmbeddingQuestion):
        return None if stored.vector is None else embedding_answer(stored.vector, cached=cached)
    try:
        value = question.read(stored.content or "")
    except (InvalidAnswer, RecursionError):
        return None
    return Answered(
        value=value,
        content=stored.content,
        finish_reason=stored.finish_reason,
        prompt_tokens=stored.prompt_tokens,
        completion_tokens=stored.completion_tokens,
        cached=cached,
        flaw=question.flaw(stored.content or "", value, stored.finish_reason),
    )


def _told_to(twin: Question, outcome: Outcome) -> Outcome:
    """The outcome of a question as another one with the same key reads it, which may have a parser of its own."""
    if isinstance(outcome, Failed) or isinstance(twin, EmbeddingQuestion):
        return outcome
    try:
        value = twin.read(outcome.content or "")
        return replace(outcome, value=value, flaw=twin.flaw(outcome.content or "", value, outcome.finish_reason))
    except (InvalidAnswer, RecursionError) as error:
        return Failed("invalid_answer", 1, str(error))
