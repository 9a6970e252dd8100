"""What a fan-out is put through; each function runs in a process with threads and in one with greenlets.

They return what JSON takes, for the test to judge.
"""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import func, select, text

from fileintel.errors import FileIntelError
from fileintel.fanout.journal import Journal, RunJournal
from fileintel.fanout.progress import Progress
from fileintel.fanout.request import Outcome, Request
from fileintel.llm.client import Tally
from fileintel.llm.questions import Answered, InvalidAnswer
from fileintel.runtime import TIME_SLICE_SECONDS, is_green, yield_to_hub
from fileintel.storage import answers, collections, run_counts, runs
from fileintel.storage.answers import StoredAnswer
from fileintel.storage.engine import Database
from fileintel.storage.models import Answer
from tests.fanout.bench import Outage, Place, bench
from tests.standin import StandIn

MORE = "more about "
SLOTS = 12  # of the scenario that is cut off by a crash
HESITATION = 0.02  # seconds before a commit, in which whoever does not wait for it goes ahead


def many(place: Place, count: int, limit: int, ceiling: int) -> dict[str, Any]:
    """`count` questions at once."""
    with bench(place, limit=limit, ceiling=ceiling) as at:
        at.fanout.add(at.request(f"question {number}") for number in range(count))
        finished = at.fanout.run()
        return {"finished": finished, "delivered": at.delivered, "stored": at.stored(), **at.tallied()}


def hits(place: Place, count: int) -> dict[str, Any]:
    """The same questions twice; the second time nothing is asked."""
    first = many(place, count, 8, 8)
    with bench(place) as at:
        at.fanout.add(at.request(f"question {number}") for number in range(count))
        at.fanout.run()
        return {"same": at.delivered == first["delivered"], **at.tallied()}


def twins(place: Place) -> dict[str, Any]:
    """The same question for many items, with a parser of its own for each, some of which do not like the answer."""

    def refuse(_: str) -> str:
        raise InvalidAnswer("not to my taste")

    with bench(place) as at:
        at.fanout.add(
            at.request("the same", item=f"item {number}", parse=refuse if number == 5 else lambda text, n=number: n)  # type: ignore[misc]
            for number in range(10)
        )
        at.fanout.run()
        return {"delivered": at.delivered, "stored": at.stored(), **at.tallied()}


def follow_ups(place: Place) -> dict[str, Any]:
    """Each answer leads to another question, three deep, and to an embedding."""
    with bench(place) as at:

        def then(depth: int, text: str) -> Callable[[Outcome], Iterable[Request]]:
            def deliver(_: Outcome) -> Iterable[Request]:
                if depth:
                    below = f"{text}.{depth}"
                    yield at.request(below, then=then(depth - 1, below))
                else:
                    yield at.request(text, item=f"vector of {text}", embed=True)

            return deliver

        at.fanout.add(at.request(str(number), then=then(3, str(number))) for number in range(10))
        finished = at.fanout.run()
        return {"finished": finished, "items": sorted(at.delivered), "times": sorted(map(len, at.delivered.values()))}


def priorities(place: Place) -> list[str]:
    """One at a time: what is urgent overtakes what has been looked up long before."""
    with bench(place, limit=1) as at:
        urgent = [at.request(f"urgent {number}", priority=-1) for number in range(3)]
        at.fanout.add([at.request("first", then=lambda _: urgent)])
        at.fanout.add(at.request(f"late {number}", priority=1) for number in range(3))
        at.fanout.add(at.request(f"normal {number}") for number in range(300))
        at.fanout.run(until=lambda: len(at.order) >= 150)
        return at.order[:150]


def until_and_on(place: Place) -> list[int]:
    """A fan-out that is left in the middle goes on with the next call."""
    with bench(place, limit=3) as at:
        at.fanout.add(at.request(f"question {number}") for number in range(20))
        at.fanout.run(until=lambda: len(at.order) >= 5)
        early = len(at.order)
        at.fanout.run()
        return [early, len(at.order), len(set(at.order))]


def failures(place: Place, collection: str) -> dict[str, Any]:
    """Failures of all kinds in a run, twins among them, and one item that fails twice in the same stage."""
    database = Database(place[0], pool_size=2)
    with database.transaction() as session:
        run = runs.create(session, collections.create(session, collection).id)
        lease = runs.acquire(session, run.id, "me")
    assert lease is not None
    tally = Tally()
    journal = RunJournal(database, lease, Progress(()), tally)
    with bench(place, journal=journal) as at:
        texts = ["fine", "too long", "broken", "prose"]
        at.fanout.add(at.request(text, parse=_no_prose) for text in texts)
        at.fanout.add([at.request("too long", item="twin", parse=_no_prose)])
        at.fanout.add([at.request("too long, part 2", item="too long", parse=_no_prose)])
        at.fanout.run()
        with database.transaction() as session:
            gaps = [vars(gap) for gap in run_counts.gaps(session, run.id)]
        delivered = at.delivered
    database.close()
    return {"gaps": gaps, "delivered": delivered, "failed": journal.llm_counts()["failed"]}


class _WatchedJournal(Journal):
    """Looks at the server before each commit, and notes which answers were committed.

    Attributes:
      unstored: before each commit, how many questions the server had been asked whose answers were not stored.
      too_early: questions that the server had been asked before the answers that they rest on were stored.
    """

    def __init__(self, database: Database, server: StandIn) -> None:
        super().__init__(database)
        self._server = server
        self.committed: set[str] = set()
        self.unstored: list[int] = []
        self.too_early: set[str] = set()

    def keep(self, answers: Sequence[StoredAnswer], patience: float | None = None) -> None:
        time.sleep(HESITATION)
        asked = [question["body"]["messages"][-1]["content"] for question in self._server.questions()]
        self.unstored.append(len(asked) - len(self.committed))
        rest = {text: text.removeprefix(MORE) for text in asked if text.startswith(MORE)}
        self.too_early |= {text for text, answer in rest.items() if answer not in self.committed}
        super().keep(answers, patience)
        self.committed.update(answer.content or "" for answer in answers)


def storing(place: Place, limit: int) -> dict[str, Any]:
    """Questions with follow-ups, while the server is watched by who stores the answers: slowly, so that whoever does
    not wait for that is seen."""
    database = Database(place[0], pool_size=2)
    journal = _WatchedJournal(database, _remote(place[1].removesuffix("/v1")))
    with bench(place, limit=limit, journal=journal) as at:

        def then(outcome: Outcome) -> Iterable[Request]:
            assert isinstance(outcome, Answered)
            return [at.request(f"{MORE}{outcome.content}", priority=-1)]

        at.fanout.add(at.request(f"question {number}", then=then) for number in range(100))
        at.fanout.run()
    database.close()
    most = max(journal.unstored)
    return {
        "most": most,
        "too_early": sorted(journal.too_early),
        "stored": len(journal.committed),
        "longest": journal.longest_unsaved,
    }


def busy_owner(place: Place, count: int) -> dict[str, Any]:
    """The owner is busy with its first answer until all others can be seen in the store."""
    database = Database(place[0], pool_size=2)
    journal = Journal(database)
    with bench(place, limit=count, journal=journal) as at:
        seen: list[int] = []

        def wait_for_the_others(_: Outcome) -> None:
            give_up = time.monotonic() + 20
            while not seen and at.stored() < count and time.monotonic() < give_up:
                time.sleep(0.01)
            seen.append(at.stored())

        at.fanout.add(at.request(f"question {n}", then=wait_for_the_others) for n in range(count))
        at.fanout.run()
    database.close()
    return {"seen": seen, "longest": journal.longest_unsaved}


def same_questions(place: Place, count: int) -> dict[str, Any]:
    """Two fan-outs of one process with the same questions, each in an order of its own, and with the same follow-ups
    and vectors."""
    found: list[dict[str, list[str]]] = []

    def work(numbers: Iterable[int]) -> None:
        with bench(place, limit=4) as at:

            def then(text: str) -> Callable[[Outcome], Iterable[Request]]:
                return lambda _: [at.request(f"more about {text}"), at.request(text, item=f"vector {text}", embed=True)]

            texts = [f"question {number}" for number in numbers]
            at.fanout.add(at.request(text, then=then(text)) for text in texts)
            at.fanout.run()
            found.append(at.delivered)

    threads = [threading.Thread(target=work, args=(order,)) for order in (range(count), reversed(range(count)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"delivered": found, "left": _in_flight(place)}


def asks_what_others_ask(place: Place, texts: list[str], held: bool) -> dict[str, Any]:
    """A fan-out with questions that somebody else has taken; without `held`, the other one dies silently."""
    database = Database(place[0], pool_size=2)
    other = Journal(database)
    with bench(place) as at:
        requests = [at.request(text) for text in texts]
        other.look_up([request.question.key for request in requests])
        at.fanout.add(requests)
        waited: list[int] = []

        def go_on() -> bool:
            if not waited:
                waited.append(at.tally.calls)
                if held:  # the other one gives up some, and has the answer to the rest
                    *failed, last = (request.question.key for request in requests)
                    other.fail(failed, [])
                    other.keep([StoredAnswer(last, "m", "p", "from elsewhere", None, "stop", 1, 1)])
                else:
                    with database.transaction() as session:
                        session.execute(text("UPDATE questions_in_flight SET expires_at = now()"))
            return False

        finished = at.fanout.run(until=go_on)
        found = {"finished": finished, "delivered": at.delivered, "waited": waited, **at.tallied()}
    database.close()
    return found


def deliver_raises(place: Place) -> dict[str, Any]:
    """The fifth answer is delivered to code that raises."""
    with bench(place, limit=10) as at:

        def explode(_: Outcome) -> None:
            if len(at.order) == 5:
                raise KeyError("a bug")

        at.fanout.add(at.request(f"question {number}", then=explode) for number in range(30))
        raised = _raised(at.fanout.run)
        at.fanout.close()
        return {"raised": raised, "stored": at.stored(), "calls": at.tally.calls}


def stops(place: Place, control: str) -> dict[str, Any]:
    """Told to stop while some requests are under way and others wait for a second attempt."""
    stopped = threading.Event()
    standin = _remote(control)
    with bench(place, limit=10, stopping=stopped.is_set, backoff=60.0) as at:
        at.fanout.add(at.request(f"away {number}" if number < 4 else f"question {number}") for number in range(30))
        threading.Thread(target=_stop_when, args=(standin, at.tally, stopped, 4)).start()
        finished = at.fanout.run()
        after = {"finished": finished, "delivered": len(at.order), "stored": at.stored(), **at.tallied()}
        stopped.clear()
        standin.configure(faults=[])
        return {**after, "finished_later": at.fanout.run(), "delivered_later": len(set(at.order))}


def _stop_when(standin: StandIn, tally: Tally, stopped: threading.Event, retries: int) -> None:
    while tally.retries < retries or tally.in_flight != 6:
        time.sleep(0.005)
    stopped.set()
    standin.resume()


def closes(place: Place) -> dict[str, Any]:
    """Left by an exception while requests are under way: these are dropped, what arrived is kept."""
    started = time.monotonic()

    class Enough(Exception):
        pass

    def enough(_: Outcome) -> None:
        raise Enough

    with contextlib.suppress(Enough), bench(place, limit=10, timeout=2.0) as at:
        at.fanout.add(at.request(f"hang {number}" if number else "question", then=enough) for number in range(10))
        at.fanout.run()
    return {"seconds": time.monotonic() - started, "stored": _stored(place)}


def laziness(place: Place, count: int) -> dict[str, int]:
    """How far a generator of requests has been taken when the first answers come."""
    made: list[int] = []
    furthest: list[int] = []
    with bench(place, limit=10) as at:

        def requests() -> Iterator[Request]:
            for number in range(count):
                made.append(number)
                yield at.request(f"question {number}", then=lambda _: furthest.append(len(made)))

        at.fanout.add(requests())
        at.fanout.run()
    return {"at_first": furthest[0], "at_half": furthest[count // 2], "at_last": furthest[-1]}


def batches(place: Place, size: int, tokens: int, texts: list[int]) -> dict[str, Any]:
    """Texts with these numbers of tokens, in batches bounded by number and tokens."""
    with bench(place, batch_size=size, batch_tokens=tokens, embedding_limit=2) as at:
        at.fanout.add(at.request(f"text {n}", embed=True, tokens=count) for n, count in enumerate(texts))
        finished = at.fanout.run()
        return {"finished": finished, "delivered": len(at.delivered), "stored": at.stored()}


def refused(place: Place, count: int) -> dict[str, Any]:
    """The server refuses one of many for good."""
    with bench(place, limit=count) as at:
        at.fanout.add(at.request("forbidden" if number == 7 else f"question {number}") for number in range(count))
        raised = _raised(at.fanout.run)
        at.fanout.close()
        return {"raised": raised, "stored": at.stored(), "calls": at.tally.calls}


def database_goes_away(place: Place, collection: str, patience: float, seconds: float) -> dict[str, Any]:
    """The database closes all connections and takes no new ones, for some seconds."""
    database = Database(place[0], pool_size=2)
    outage = Outage(place[0])
    kept: list[StoredAnswer] = []

    class Unplugged(Journal):
        def keep(self, answers: Sequence[StoredAnswer], patience: float | None = None) -> None:
            super().keep(answers, patience)
            before = len(kept)
            kept.extend(answers)
            if before < 10 <= len(kept):
                outage.begin(seconds)

    with bench(place, limit=4, journal=Unplugged(database, patience=patience)) as at:
        at.fanout.add(at.request(f"question {number}") for number in range(40))
        raised = _raised(at.fanout.run)
        outage.end()
        at.fanout.close()
        found = {"raised": raised, "stored": at.stored(), "delivered": len(at.order), "calls": at.tally.calls}
    database.close()
    return found


def same_whatever_the_order(place: Place) -> dict[str, Any]:
    """What is delivered for each item, with follow-ups that depend on the answers."""
    with bench(place, limit=SLOTS) as at:

        def then(text: str) -> Callable[[Outcome], Iterable[Request]]:
            def deliver(outcome: Outcome) -> Iterable[Request]:
                if isinstance(outcome, Answered) and len(text) < 12:
                    yield at.request(f"{text}/{len(outcome.content or '')}", then=then(f"{text}/x"))

            return deliver

        at.fanout.add(at.request(f"q{number}", then=then(f"q{number}")) for number in range(40))
        at.fanout.run()
        return {"delivered": at.delivered, "counts": sorted(Counter(map(len, at.delivered.values())).items())}


def cpu_stays_available(place: Place) -> float:
    """The most CPU time between two turns of another greenlet or thread, while hundreds of hits are handed out."""
    longest, over = 0.0, threading.Event()

    def tick() -> None:
        nonlocal longest
        while not over.is_set():
            before = time.process_time()
            time.sleep(0.001)
            longest = max(longest, time.process_time() - before)

    def slowly(text: str) -> str:
        end = time.process_time() + 0.001
        while time.process_time() < end:
            pass
        return text

    with bench(place) as at:
        keys = [at.request(f"question {number}").question for number in range(600)]
        rows = [answers.StoredAnswer(q.key, "m", "p", "an answer", None, "stop", 1, 1) for q in keys]
        with at.database.transaction() as session:
            answers.save(session, rows)
        ticker = threading.Thread(target=tick)
        ticker.start()
        at.fanout.add(at.request(f"question {number}", parse=slowly) for number in range(600))
        at.fanout.run()
        over.set()
        ticker.join()
        assert at.tally.calls == 0
    return longest


def _no_prose(text: str) -> str:
    if text.startswith("Sure!"):
        raise InvalidAnswer("it is prose")
    return text


def _raised(work: Callable[[], object]) -> str:
    try:
        work()
    except (FileIntelError, KeyError) as error:
        return type(error).__name__
    return ""


def _in_flight(place: Place) -> int:
    database = Database(place[0], pool_size=2)
    with database.transaction() as session:
        count = session.execute(text("SELECT count(*) FROM questions_in_flight")).scalar_one()
    database.close()
    return int(count)


def _stored(place: Place) -> int:
    database = Database(place[0], pool_size=2)
    with database.transaction() as session:
        count = session.execute(select(func.count()).select_from(Answer)).scalar_one()
    database.close()
    return int(count)


def _remote(base_url: str) -> StandIn:
    """The control of a stand-in that another process has started."""
    return StandIn(None, base_url)  # type: ignore[arg-type]


def yielding() -> dict[str, Any]:
    """How often a thousand breaths in a row really pause; those of one who computes between them, and of one who has
    waited."""
    pauses: list[float] = []
    sleep = time.sleep
    time.sleep = lambda seconds: pauses.append(seconds)
    try:
        started = time.monotonic()
        for _ in range(1000):
            yield_to_hub()
        slices = (time.monotonic() - started) / TIME_SLICE_SECONDS
        few = len(pauses) <= slices + 1
        computing, waiting = (_pauses(pauses, between) for between in (_compute, sleep))
    finally:
        time.sleep = sleep
    return {"green": is_green(), "few": few, "computing": computing, "waiting": waiting}


def _pauses(pauses: list[float], between: Callable[[float], object]) -> int:
    """Of five breaths, after as many slices each of what is between them."""
    pauses.clear()
    for _ in range(5):
        between(2 * TIME_SLICE_SECONDS)
        yield_to_hub()
    return len(pauses)


def _compute(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
