"""The performance: documents are uploaded, the index is built, and meanwhile the script befalls the cast."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from sqlalchemy.engine import make_url

from tests.chaos import script
from tests.chaos.cast import Cast, Member, Program, patiently
from tests.chaos.script import PUBLISHING, STORMS, Action, Deed, Victim

COLLECTION = "chaos"
TICK_SECONDS = 0.02
RESTART_SECONDS = 1.0  # as a service manager does with what has ended by itself
LIMIT_SECONDS = 900.0  # of the whole run, after which something must have got stuck
OVER = ("succeeded", "succeeded_with_gaps", "failed", "cancelled")

Say = Callable[[str], None]


@dataclass
class Happened:
    """What was really done, for the verdict."""

    run_id: str = ""
    state: str = ""
    seconds: float = 0.0
    killed: dict[Victim, int] = field(default_factory=dict)
    revived: int = 0  # programs that had ended by themselves
    longest_unattended: float = 0.0  # seconds without an owner, while everything that it takes was there


class Play:
    """One performance.

    Parameters:
      expected: how many answers the run needs, as the reference run has shown.
      say: told what happens.
    """

    def __init__(self, cast: Cast, actions: Sequence[Action], expected: int, say: Say) -> None:
        self._cast = cast
        self._actions = list(actions)
        self._expected = expected
        self._say = say
        self._back: list[tuple[float, Callable[[], None], str]] = []
        self._away: dict[str, float] = {}  # who was killed, and when they come back
        self._started = time.monotonic()
        self._unattended_since: float | None = None
        self.happened = Happened()

    def perform(self) -> Happened:
        """Run the index from its order to its end."""
        self._cast.model.configure(faults=script.background())
        self.happened.run_id = self._order()
        give_up = time.monotonic() + LIMIT_SECONDS
        while not self._is_over():
            assert time.monotonic() < give_up, f"not over after {LIMIT_SECONDS:.0f} s"
            self._bring_back()
            self._look_after_the_dead()
            self._act()
            time.sleep(TICK_SECONDS)
        while self._back:
            self._bring_back()
            time.sleep(TICK_SECONDS)
        self.happened.seconds = time.monotonic() - self._started
        return self.happened

    def _order(self) -> str:
        def order() -> str:
            with self._cast.client() as client:
                response = client.post("/graphrag/index", json={"collection_id": COLLECTION})
                assert response.status_code == 202, response.text
                return str(response.json()["data"]["task_id"])

        self._told("order the index")
        return str(patiently(order, "ordering the index"))

    def _act(self) -> None:
        while self._actions and self._is_due(self._actions[0]):
            action = self._actions[0]
            if not self._do(action):
                return  # nobody to do it to at this moment: a little later
            self._actions.pop(0)

    def _is_due(self, action: Action) -> bool:
        if action.at < PUBLISHING:
            return self._answered() >= action.at * self._expected
        return self._publishing()

    def _do(self, action: Action) -> bool:
        if action.deed is Deed.STORM:
            self._told(str(action))
            self._cast.model.configure(faults=[STORMS[action.storm], *script.background()])
            self._later(action.seconds, lambda: self._cast.model.configure(faults=script.background()), "calm again")
            return True
        member = self._victim(action.victim)
        if member is None or member.has_ended() or member.name in self._away:  # that may be: about to end
            return False
        self._told(f"{action} ({member.name})")
        if action.deed is Deed.STOP:
            assert isinstance(member, Program)
            member.ask_to_stop()
        else:
            member.kill()
        self.happened.killed[action.victim] = self.happened.killed.get(action.victim, 0) + 1
        self._away[member.name] = time.monotonic() + action.seconds
        self._later(action.seconds, lambda: self._return(member), f"{member.name} is started again")
        return True

    def _victim(self, victim: Victim) -> Member | None:
        cast = self._cast
        fixed: dict[Victim, Member] = {
            Victim.MAIN: cast.main_worker,
            Victim.API: cast.api,
            Victim.POSTGRES: cast.postgres,
            Victim.REDIS: cast.broker,
            Victim.MODEL: cast.model,
        }
        if victim in fixed:
            return fixed[victim]
        holder = self._holder()
        if victim is Victim.HOLDER:
            return holder
        others = [worker for worker in cast.graph_workers if worker is not holder and worker.name not in self._away]
        return others[0] if others else holder

    def _return(self, member: Member) -> None:
        self._away.pop(member.name, None)
        if member.has_ended():
            member.start()
        else:  # still busy with its shutdown
            self._away[member.name] = time.monotonic() + RESTART_SECONDS
            self._later(RESTART_SECONDS, lambda: self._return(member), "")

    def _later(self, seconds: float, work: Callable[[], None], words: str) -> None:
        self._back.append((time.monotonic() + seconds, work, words))

    def _bring_back(self) -> None:
        now = time.monotonic()
        due = [one for one in self._back if one[0] <= now]
        self._back = [one for one in self._back if one[0] > now]
        for _, work, words in due:
            if words:
                self._told(words)
            work()

    def _look_after_the_dead(self) -> None:
        for program in self._cast.programs:
            if program.has_ended() and program.name not in self._away:
                self._told(f"{program.name} has ended by itself; it is started again")
                self.happened.revived += 1
                self._away[program.name] = time.monotonic() + RESTART_SECONDS
                self._later(RESTART_SECONDS, lambda program=program: self._return(program), "")  # type: ignore[misc]

    def _answered(self) -> int:
        return self._cast.model.book.read_bytes().count(b"\n")

    def _publishing(self) -> bool:
        return bool(self._asked("SELECT 1 FROM index_versions WHERE state = 'building'"))

    def _holder(self) -> Program | None:
        rows = self._asked("SELECT owner FROM runs WHERE id = %s AND lease_expires_at > now()", self.happened.run_id)
        pid = int(str(rows[0][0]).split("/")[1]) if rows and rows[0][0] else None
        return next((worker for worker in self._cast.graph_workers if pid and worker.pid == pid), None)

    def _is_over(self) -> bool:
        rows = self._asked("SELECT state FROM runs WHERE id = %s", self.happened.run_id)
        self.happened.state = rows[0][0] if rows else ""
        self._watch_the_lease()
        return self.happened.state in OVER

    def _watch_the_lease(self) -> None:
        """How long the run has no living owner while all that it takes is there."""
        able = not any(name in self._away for name in ("PostgreSQL", "Redis"))
        able = able and any(not worker.has_ended() and worker.is_ready() for worker in self._cast.graph_workers)
        now = time.monotonic()
        if not able or self._holder() is not None or self.happened.state in OVER:
            self._unattended_since = None
        elif self._unattended_since is None:
            self._unattended_since = now
        else:
            self.happened.longest_unattended = max(self.happened.longest_unattended, now - self._unattended_since)

    def _asked(self, statement: str, *given: Any) -> list[tuple[Any, ...]]:
        """Rows, or none while PostgreSQL is away."""
        try:
            return ask(self._cast.postgres.url, statement, *given)
        except psycopg2.Error:
            return []

    def _told(self, words: str) -> None:
        done = min(100, 100 * self._answered() // max(1, self._expected))
        self._say(f"{time.monotonic() - self._started:6.1f} s {done:3} %  {words}")


def ask(url: str, statement: str, *given: Any) -> list[tuple[Any, ...]]:
    """Rows of one statement, over a connection of its own."""
    libpq = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg2.connect(libpq, connect_timeout=2)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, given)
            return cursor.fetchall()
    finally:
        connection.close()


def upload(cast: Cast, texts: dict[str, str]) -> None:
    """Upload documents over HTTP, and wait until they are read."""

    def post() -> str:
        with cast.client() as client:
            client.post("/collections", json={"name": COLLECTION})
            files = [("files", (name, text.encode())) for name, text in texts.items()]
            response = client.post(f"/collections/{COLLECTION}/documents", files=files)
            assert response.status_code == 202, response.text
            return str(response.json()["data"]["task_id"])

    def state(task: str) -> str:
        with cast.client() as client:
            return str(client.get(f"/tasks/{task}").json()["data"]["state"])

    task = patiently(post, "uploading")
    for _ in _every(0.1, LIMIT_SECONDS, "reading the documents"):
        if patiently(lambda: state(task), "waiting for the documents") == "succeeded":
            return


def _every(seconds: float, limit: float, what: str) -> Iterator[None]:
    give_up = time.monotonic() + limit
    while True:
        yield
        assert time.monotonic() < give_up, what
        time.sleep(seconds)


__all__ = ["COLLECTION", "Happened", "Play", "ask", "upload"]
