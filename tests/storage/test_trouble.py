"""A database in trouble: what passes is waited for or tried again, what does not is told."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from fileintel.errors import DatabaseConflict, DatabaseUnavailable
from fileintel.storage import engine
from fileintel.storage.engine import Database
from tests.green import GreenProcess
from tests.storage import pooler, scenarios
from tests.storage.pooler import Pooler

Perform = Callable[..., Any]


@pytest.fixture(autouse=True)
def _in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PAUSE_SECONDS", 0.02)


@pytest.fixture
def table(database: Database) -> str:
    """A table with one row: 1, 0."""
    with database.transaction() as session:
        session.execute(text("CREATE TABLE counted (id int PRIMARY KEY, number int NOT NULL)"))
        session.execute(text("INSERT INTO counted VALUES (1, 0), (2, 0)"))
    return "counted"


@pytest.fixture
def between(database_url: str) -> Iterator[Pooler]:
    """A pooler in front of this test's database."""
    url = make_url(database_url)
    with Pooler(f"{url.query['host']}/.s.PGSQL.{url.query['port']}") as one:
        yield one


@pytest.fixture
def behind(between: Pooler, database_url: str) -> Iterator[Database]:
    """This test's database, connected through the pooler."""
    url = make_url(database_url).set(host="127.0.0.1", port=between.port, query={})
    connected = Database(url.render_as_string(hide_password=False), pool_size=3, patience=20)
    yield connected
    connected.close()


def raising(code: str) -> Callable[[Session], object]:
    """Work during which PostgreSQL reports an error of its own, such as a full disk."""
    return lambda session: session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END $$"))


def counting(failures: int, code: str) -> tuple[Callable[[Session], int], list[int]]:
    """Work that fails some times after it has written, and then does not; and the list of its attempts."""
    attempts: list[int] = []

    def work(session: Session) -> int:
        attempts.append(1)
        session.execute(text("UPDATE counted SET number = number + 1 WHERE id = 1"))
        if len(attempts) <= failures:
            raising(code)(session)
        return int(session.execute(text("SELECT number FROM counted WHERE id = 1")).scalar_one())

    return work, attempts


@pytest.mark.parametrize("code", ["40001", "40P01", "55P03"])
def test_a_transaction_that_lost_against_another_is_tried_again_at_once(
    database: Database, table: str, code: str
) -> None:
    with pytest.raises(DatabaseConflict), database.transaction() as session:
        raising(code)(session)
    work, attempts = counting(3, code)
    started = time.monotonic()
    assert database.retrying(work) == 1, "what was undone is not counted"
    assert len(attempts) == 4
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("code", ["53100", "53200", "53300", "57P01", "57014", "08006", "58030"])
def test_a_server_that_cannot_go_on_is_waited_for(database: Database, table: str, code: str) -> None:
    work, attempts = counting(1, code)
    assert database.retrying(work) == 1
    assert len(attempts) == 2


def test_a_full_disk_is_named_when_patience_is_over(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable, match="its disk is full: free space there") as raised:
        database.retrying(raising("53100"), patience=0.6)
    assert "\n" not in str(raised.value)


def test_a_mistake_is_not_tried_again(database: Database, table: str) -> None:
    work, attempts = counting(9, "23505")
    with pytest.raises(IntegrityError):
        database.retrying(work)
    assert len(attempts) == 1


def test_two_that_wait_for_each_other_both_get_through(database: Database, table: str) -> None:
    met = threading.Barrier(2, timeout=20)
    firsts: list[int] = []

    def work(first: int, second: int) -> Callable[[Session], None]:
        def update(session: Session) -> None:
            session.execute(text("UPDATE counted SET number = number + 1 WHERE id = :id"), {"id": first})
            firsts.append(first)
            if len(firsts) <= 2:
                met.wait()
            session.execute(text("UPDATE counted SET number = number + 1 WHERE id = :id"), {"id": second})

        return update

    other = threading.Thread(target=database.retrying, args=(work(2, 1),))
    other.start()
    database.retrying(work(1, 2))
    other.join()
    assert len(firsts) == 3, "PostgreSQL has undone one of the two"
    with database.transaction() as session:
        assert session.execute(text("SELECT sum(number) FROM counted")).scalar_one() == 4


def test_after_a_failover_no_connection_to_the_standby_is_used_again(database: Database, table: str) -> None:
    pids: list[int] = []

    def work(session: Session) -> None:
        pids.append(session.execute(text("SELECT pg_backend_pid()")).scalar_one())
        if len(pids) == 1:  # as if what was the primary had become a standby under this connection
            session.execute(text("SET TRANSACTION READ ONLY"))
        session.execute(text("UPDATE counted SET number = 1"))

    database.retrying(work)
    assert len(set(pids)) == 2
    with pytest.raises(DatabaseUnavailable, match="connect to the primary"):
        database.retrying(raising("25006"), patience=0)


@pytest.mark.parametrize("words", [pooler.FULL, pooler.QUERY_WAIT, "the database system is starting up"])
def test_a_pooler_that_refuses_connections_is_waited_for(between: Pooler, behind: Database, words: str) -> None:
    between.refusing = words
    with pytest.raises(DatabaseUnavailable) as raised:
        behind.check()
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)
    threading.Timer(0.3, setattr, (between, "refusing", None)).start()
    assert behind.retrying(lambda session: session.execute(text("SELECT 7")).scalar_one()) == 7


@pytest.mark.parametrize("words", [None, pooler.QUERY_WAIT, pooler.LOST])
def test_connections_that_are_cut_in_the_middle_are_made_anew(
    between: Pooler, behind: Database, table: str, words: str | None
) -> None:
    attempts: list[int] = []

    def work(session: Session) -> int:
        attempts.append(1)
        session.execute(text("UPDATE counted SET number = number + 1 WHERE id = 1"))
        if len(attempts) == 1:
            between.cut(words)  # a failover: the server is another one from now on
        return int(session.execute(text("SELECT number FROM counted WHERE id = 1")).scalar_one())

    assert behind.retrying(work) == 1
    assert len(attempts) == 2


def test_the_server_is_brought_back_where_that_is_in_our_hands(between: Pooler, database_url: str) -> None:
    url = make_url(database_url).set(host="127.0.0.1", port=between.port, query={})
    between.refusing = "gone"
    revived: list[int] = []

    def revive() -> None:
        revived.append(1)
        if len(revived) == 1:
            raise DatabaseUnavailable("it does not start at the first attempt")
        between.refusing = None

    connected = Database(url.render_as_string(hide_password=False), pool_size=1, patience=20, revive=revive)
    assert connected.retrying(lambda session: session.execute(text("SELECT 7")).scalar_one()) == 7
    assert len(revived) == 2
    connected.close()


def test_greenlets_that_end_at_any_moment_leave_the_pool_whole(green: GreenProcess, database_url: str) -> None:
    found = green(scenarios.ended_at_any_moment, database_url, 3)
    assert found["ended"] > 50, found
    assert found["finished"] > 50, found
    assert (found["mixed_up"], found["busy"], found["backends"]) == ([], 0, 3)
