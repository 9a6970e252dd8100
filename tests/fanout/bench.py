"""A fan-out on a bench: all that it needs, a record of what it delivers, and a plug to pull."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import func, select

from fileintel.config import Endpoint
from fileintel.fanout.fanout import Fanout
from fileintel.fanout.journal import Journal
from fileintel.fanout.request import Outcome, Request
from fileintel.llm.client import ModelClient, Patience, Tally
from fileintel.llm.gate import Gate
from fileintel.llm.questions import Answered, ChatQuestion, EmbeddingQuestion, Message
from fileintel.storage.engine import Database
from fileintel.storage.models import Answer

Place = list[str]  # URL of the database, URL of the model server
TALLIED = ("calls", "retries", "in_flight", "peak_in_flight")


class Bench:
    """A fan-out with all that it needs, and a record of what it delivered."""

    def __init__(self, database: Database, fanout: Fanout, tally: Tally) -> None:
        self.database = database
        self.fanout = fanout
        self.tally = tally
        self.delivered: dict[str, list[str]] = {}
        self.order: list[str] = []

    def request(
        self,
        text: str,
        *,
        item: str | None = None,
        priority: float = 0.0,
        then: Callable[[Outcome], Iterable[Request] | None] = lambda _: None,
        embed: bool = False,
        tokens: int = 10,
        parse: Callable[[str], Any] = str.strip,
    ) -> Request:
        """A request for the answer to a text, which is also its item; what is delivered is written down."""
        name = item or text

        def deliver(outcome: Outcome) -> Iterable[Request] | None:
            self.order.append(name)
            self.delivered.setdefault(name, []).append(_shown(outcome))
            return then(outcome)

        return Request("stage", name, _embedding(text, tokens) if embed else _chat(text, parse), deliver, priority)

    def stored(self) -> int:
        """How many answers the store holds, as any other process sees it."""
        with self.database.transaction() as session:
            return int(session.execute(select(func.count()).select_from(Answer)).scalar_one())

    def tallied(self) -> dict[str, int]:
        """The counts of the tally."""
        return {name: getattr(self.tally, name) for name in TALLIED}


@contextmanager
def bench(place: Place, *, limit: int = 8, journal: Journal | None = None, **options: Any) -> Iterator[Bench]:
    """A fan-out at work on an answer store and a model server."""
    patience = {"timeout": 10.0, "waiting": 5.0, "retries": 2, "backoff": 0.01}
    patience.update({name: options.pop(name) for name in patience if name in options})
    ceiling = options.pop("ceiling", limit)
    database, tally = Database(place[0], pool_size=3), Tally()
    chat = ModelClient(Endpoint(place[1], "key", "stand-in"), Gate(ceiling), Patience(**patience))
    embedder = ModelClient(Endpoint(place[1], "key", "stand-in"), Gate(ceiling), Patience(**patience))
    try:
        with Fanout(chat, embedder, journal or Journal(database), tally, limit=limit, **options) as fanout:
            yield Bench(database, fanout, tally)
        for client in (chat, embedder):
            _await_free_slots(client.gate)
    finally:
        chat.close()
        embedder.close()
        database.close()


class Outage:
    """A time in which one database of the server cannot be reached."""

    def __init__(self, url: str) -> None:
        name = url.rsplit("/", 1)[1].partition("?")[0]
        self._admin = Database(url.replace(f"/{name}", "/postgres"), pool_size=1)
        self._name = name
        self._timer: threading.Timer | None = None

    def begin(self, seconds: float) -> None:
        """Nobody gets in, and whoever is in is thrown out."""
        self._allow(False)
        self._run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._name}'")
        self._timer = threading.Timer(seconds, self._allow, (True,))
        self._timer.start()

    def end(self) -> None:
        """As before."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
        self._allow(True)
        self._admin.close()

    def _allow(self, allowed: bool) -> None:
        self._run(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS {str(allowed).lower()}")

    def _run(self, statement: str) -> None:
        with self._admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(statement)


def _chat(text: str, parse: Callable[[str], Any] = str.strip) -> ChatQuestion:
    return ChatQuestion("test", "stand-in", (Message(role="user", content=text),), parse)


def _embedding(text: str, tokens: int) -> EmbeddingQuestion:
    return EmbeddingQuestion("embed", "stand-in", text, tokens)


def _shown(outcome: Outcome) -> str:
    return str(outcome.value)[:200] if isinstance(outcome, Answered) else f"failed: {outcome.reason}"


def _await_free_slots(gate: Gate) -> None:
    """Every slot comes back: at once where greenlets were killed, with their answers where threads cannot be."""
    deadline = time.monotonic() + 15
    while (reading := gate.reading()).in_flight or reading.waiting:
        assert time.monotonic() < deadline, reading
        time.sleep(0.005)
