"""Sharing: what a run has to ask and cannot ask soon is asked by other workers, if there are any with free slots.

The coordinator (the worker that holds the run) calls for helpers when many questions wait. Helpers put their names
down; only then are questions written down for them, about as many as they have slots. They take the most urgent ones,
and mark those whose answers are stored; the coordinator collects these from the store as if it had waited for the
answer of another run. Slots of its own that fall free take back questions that are not begun. So nothing is divided
in advance, a message that is lost or doubled does no harm, and without helpers nothing is written.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from fileintel.fanout.journal import RunJournal
from fileintel.fanout.lane import Lane
from fileintel.fanout.parsers import NamedParsers, packed
from fileintel.fanout.request import Request
from fileintel.llm.questions import ChatQuestion, Failed
from fileintel.llm.tally import Tally
from fileintel.storage import runs, shared_questions
from fileintel.storage.shared_questions import HELPER_SECONDS, Helper, Marked, Shared

EXCHANGE_SECONDS = 0.1  # between two looks while others ask for us; they cost a millisecond
IDLE_SECONDS = 0.2  # between two looks while no helper is there
CALL_SECONDS = 2.0  # between two calls for helpers, while more or others come
CALL_AGAIN_SECONDS = 10.0  # the same when the last call has changed nothing: workers may be started at any time
INSPECTION_SECONDS = 5.0  # between two looks whether all that is shared is still there
OWN_SHARE = 0.2  # of the slots: so many ready questions are kept for the coordinator's own


@dataclass
class Turn:
    """What has come back: `answered` by others, `returned` unasked, `failed` for good."""

    answered: list[Request] = field(default_factory=list)
    returned: list[Request] = field(default_factory=list)
    failed: list[tuple[Request, Failed]] = field(default_factory=list)


@dataclass(frozen=True)
class _News:
    helpers: list[Helper]
    marked: list[Marked]
    spent: dict[str, int]
    waiting: int
    taken_back: list[bytes]
    lost: set[bytes]


class Sharing:
    """Shares the chat questions of one fan-out. Used by its owner alone.

    Parameters:
      share_from: so many questions have to be ready, and wait for a slot, before others are called for.
      parsers: of the questions that can be sent; the others are asked here.
      call: sends for helpers; it may take its time, and has to deal with its own errors.
      is_gone: tells of a helper, by the name of its process, whether it is known to have ended.
    """

    def __init__(
        self,
        journal: RunJournal,
        tally: Tally,
        share_from: int,
        *,
        parsers: NamedParsers,
        call: Callable[[], None],
        is_gone: Callable[[str], bool],
    ) -> None:
        self._journal = journal
        self._run_id = journal.lease.run_id
        self._tally = tally
        self._share_from = share_from
        self._parsers = parsers
        self._call = call
        self._out: dict[bytes, Request] = {}
        self._slots = 0  # of all helpers
        self._waiting = 0  # questions that were shared and not begun at the last look
        self._order = itertools.count()
        self._next_exchange = float("-inf")
        self._next_call = float("-inf")
        self._next_inspection = float("-inf")
        self._helpers_when_called = 0
        self._has_forerunners = journal.lease.token > 1  # attempts, whose helpers may have spent something
        self._withdrawn = False
        self._presence = _Presence(is_gone)

    @property
    def out(self) -> int:
        """How many questions are with others."""
        return len(self._out)

    @property
    def reserve(self) -> int:
        """How many requests the lane should have ready, so that it shows whether many wait."""
        return self._share_from + self._slots

    def turn(self, lane: Lane) -> Turn:
        """Give out what others can ask sooner, and take in what has come of it; called often.

        Raises:
          LeaseLost: another worker holds the run now.
          DatabaseUnavailable: as from the journal.
        """
        turn, now = Turn(), time.monotonic()
        crowded = lane.ready >= self._share_from and not lane.room
        if not (crowded or self._out or self._slots or self._has_forerunners) or now < self._next_exchange:
            return turn
        self._has_forerunners = self._withdrawn = False
        if crowded:
            self._call_for_helpers(now)
        news = self._exchange(lane, now)
        self._sort(news, turn)
        self._give_out(lane)
        self._next_exchange = time.monotonic() + (EXCHANGE_SECONDS if self._out or self._slots else IDLE_SECONDS)
        return turn

    def withdraw(self) -> list[Request]:
        """Take back all that is not begun, because the run is to stop. Helpers store the answers that are under way.

        Raises: as `turn`.
        """
        if self._withdrawn or not self._out:
            return []
        self._withdrawn = True
        keys = self._journal.exchange(lambda session: shared_questions.take_back(session, self._run_id, len(self._out)))
        return [request for key in keys if (request := self._out.pop(key, None))]

    def close(self) -> None:
        """Share nothing any more."""
        self._journal.workers = 1 + self._presence.most
        if self._out or self._slots:
            self._out.clear()
            self._journal.exchange(lambda session: shared_questions.clear(session, self._run_id), patience=0)

    def _call_for_helpers(self, now: float) -> None:
        if now < self._next_call:
            return
        others_are_there = self._presence.now != self._helpers_when_called or self._next_call == float("-inf")
        self._next_call = now + (CALL_SECONDS if others_are_there else CALL_AGAIN_SECONDS)
        self._helpers_when_called = self._presence.now
        # a broker that is away must not hold up the owner
        threading.Thread(target=self._call, name="call-for-helpers", daemon=True).start()

    def _exchange(self, lane: Lane, now: float) -> _News:
        inspecting = bool(self._out) and now >= self._next_inspection
        if inspecting:
            self._next_inspection = now + INSPECTION_SECONDS
        wanted = 0 if lane.sources else max(0, lane.room + _own(lane) - lane.ready)

        def work(session: Session) -> _News:
            helpers = shared_questions.helpers(session, self._run_id)
            for dead in self._presence.dead(helpers):
                shared_questions.dismiss(session, self._run_id, dead.asker)
            marked = shared_questions.marked(session, self._run_id)
            spent = shared_questions.counted(session, self._run_id)
            taken_back = shared_questions.take_back(session, self._run_id, wanted) if wanted and self._out else []
            waiting = shared_questions.waiting(session, self._run_id) if self._out else 0
            left = shared_questions.shared(session, self._run_id) if inspecting else self._out.keys()
            gone = {each.key for each in marked}.union(taken_back)
            return _News(helpers, marked, spent, waiting, taken_back, set(self._out.keys() - left - gone))

        return self._journal.exchange(work)

    def _sort(self, news: _News, turn: Turn) -> None:
        self._slots = sum(helper.slots for helper in news.helpers)
        self._waiting = news.waiting
        self._journal.workers = 1 + self._presence.now
        self._tally.include(Tally(**news.spent))
        for key in [*news.taken_back, *news.lost]:
            if request := self._out.pop(key, None):
                turn.returned.append(request)
        for marked in news.marked:
            request = self._out.pop(marked.key, None)
            if request is None:
                continue
            if marked.reason is None:
                turn.answered.append(request)
            else:
                turn.failed.append((request, Failed(marked.reason, marked.attempts, marked.last_error)))

    def _give_out(self, lane: Lane) -> None:
        surplus = lane.ready - _own(lane)
        wanted = min(surplus, self._slots - self._waiting)
        if wanted <= 0:
            return
        given: dict[bytes, Request] = {}
        bodies: list[tuple[int, Shared]] = []
        for request in lane.surrender(wanted):
            question = request.question
            name = self._parsers.name_of(question) if isinstance(question, ChatQuestion) and request.keep else None
            if name is None:
                lane.make_ready(request)
                continue
            assert isinstance(question, ChatQuestion)
            given[question.key] = request
            bodies.append((next(self._order), Shared(question.key, name, packed(question), request.priority)))
        self._out |= given
        self._waiting += len(given)
        self._journal.hand_over(given.keys(), lambda session: self._write(session, bodies))

    def _write(self, session: Session, bodies: Iterable[tuple[int, Shared]]) -> None:
        runs.require(session, self._journal.lease)
        shared_questions.share(session, self._run_id, self._journal.asker, bodies)


class _Presence:
    """Knows which helpers are there. One that gave no sign of life for long is dead, unless this worker could not look
    meanwhile: then the helper has as long again."""

    def __init__(self, is_gone: Callable[[str], bool]) -> None:
        self._is_gone = is_gone
        self.now = 0
        self.most = 0
        self._looked_at = float("-inf")
        self._deaf_until = float("-inf")

    def dead(self, helpers: list[Helper]) -> list[Helper]:
        """Takes the dead ones out of the list, and returns them."""
        now = time.monotonic()
        if now - self._looked_at > HELPER_SECONDS / 3:
            self._deaf_until = now + HELPER_SECONDS
        self._looked_at = now
        silent = now >= self._deaf_until
        found = [one for one in helpers if self._is_gone(one.worker) or (silent and one.silent > HELPER_SECONDS)]
        for one in found:
            helpers.remove(one)
        self.now = len(helpers)
        self.most = max(self.most, self.now)
        return found


def _own(lane: Lane) -> int:
    return max(1, int(lane.limit * OWN_SHARE))
