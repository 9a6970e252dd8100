"""The connection pool: bounded, patient, and whole after whatever happened to its users."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from fileintel.errors import DatabaseUnavailable
from fileintel.storage import engine
from fileintel.storage.engine import Database
from tests.green import GreenProcess
from tests.storage import scenarios

Perform = Callable[..., Any]


def test_more_users_than_connections_wait_for_their_turn(perform: Perform, database_url: str) -> None:
    found = perform(scenarios.pool_makes_wait, database_url, 3, 24)
    assert (found["done"], found["most"]) == (24, 3)
    assert found["seconds"] < 24 * 0.02 + 5


def test_a_pool_loses_nothing_to_connections_that_are_cut_at_any_moment(perform: Perform, database_url: str) -> None:
    found = perform(scenarios.connections_are_cut, database_url, 200)
    assert (found["stuck"], found["lost"]) == (0, 0)
    assert found["rounds"] > 0


def test_a_pool_that_stays_empty_says_which_setting_to_raise(perform: Perform, database_url: str) -> None:
    message = perform(scenarios.pool_runs_out, database_url)
    assert message == "all 1 connections of this process are in use: raise storage.pool_size"


def test_a_statement_that_takes_too_long_is_cut_and_nothing_stays_behind(perform: Perform, database_url: str) -> None:
    found = perform(scenarios.statements_are_cut, database_url)
    assert found["message"] == "PostgreSQL took longer than storage.statement_timeout=0.1 s"
    assert found["setting_of_the_connection"] == "0"


@pytest.mark.parametrize("way", ["kill", "timeout"])
def test_a_greenlet_that_ends_in_mid_query_leaves_the_pool_whole(
    green: GreenProcess, database_url: str, way: str
) -> None:
    found = green(scenarios.killed_in_the_middle, database_url, way)
    assert (found["written"], found["busy"]) == (0, 0)
    assert found["seconds"] < 5


def test_a_servers_name_is_looked_up_where_greenlets_go_on_meanwhile(green: GreenProcess) -> None:
    refused = green(scenarios.name_known_to_python_alone, True)
    assert refused.startswith("PostgreSQL does not answer: Connection refused (database.invalid:")
    assert '"127.0.0.2"' in refused  # the last one that was tried
    unknown = green(scenarios.name_known_to_python_alone, False).splitlines()[0]
    assert unknown == (
        "PostgreSQL does not answer: could not translate host name 'database.invalid' to an address: nobody knows it"
    )


def test_an_error_rolls_everything_back(database: Database) -> None:
    with database.transaction() as session:
        session.execute(text("CREATE TABLE written (number int)"))

    def fail() -> None:
        with database.transaction() as session:
            session.execute(text("INSERT INTO written VALUES (1)"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM written")).scalar_one() == 0


def test_a_mistake_in_a_statement_is_not_taken_for_a_server_that_is_away(database: Database) -> None:
    with pytest.raises(ProgrammingError), database.transaction() as session:
        session.execute(text("SELECT nonsense"))


def test_a_connection_that_is_cut_by_the_server_is_an_unavailable_database_once(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable), database.transaction() as session:
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    database.check()


def test_connections_that_died_while_idle_are_replaced_without_a_word(database: Database, database_url: str) -> None:
    database.check()
    other = Database(database_url, pool_size=1)
    with other.transaction() as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                " AND datname = current_database()"  # and waits until they are gone
            )
        )
    database.check()
    other.close()


def test_a_connection_that_was_just_used_is_not_asked_whether_it_lives(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    liveness = database.engine.dialect.do_ping.__self__  # type: ignore[attr-defined]
    monkeypatch.setattr(liveness, "_ping", lambda one: asked.append(one) or True)
    for _ in range(4):
        database.check()
    assert len(asked) <= 1  # a connection that nothing is known of
    asked.clear()
    monkeypatch.setattr(engine, "TRUSTED_SECONDS", 0.0)  # as if nobody had used it for long
    database.check()
    assert len(asked) == 1


@pytest.mark.parametrize("seconds", [0.0, 1_000_000.0])
def test_all_connections_that_died_are_replaced_when_the_first_is_found_dead(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(engine, "TRUSTED_SECONDS", seconds)
    with database.transaction() as first, database.transaction() as second:
        dead = {session.execute(text("SELECT pg_backend_pid()")).scalar_one() for session in (first, second)}
    other = Database(database_url, pool_size=1)
    with other.transaction() as session:
        session.execute(text("SELECT pg_terminate_backend(pid, 20000) FROM unnest(:pids) AS pid"), {"pids": list(dead)})
    other.close()
    with database.transaction() as first, database.transaction() as second:
        alive = {session.execute(text("SELECT pg_backend_pid()")).scalar_one() for session in (first, second)}
    assert len(alive) == 2
    assert not alive & dead


def test_a_statement_alone_is_a_transaction(database: Database, database_url: str) -> None:
    with database.transaction() as session:
        session.execute(text("CREATE TABLE written (number int CHECK (number < 3))"))
    database.retrying(lambda session: session.execute(text("INSERT INTO written VALUES (1)")), alone=True)
    with pytest.raises(IntegrityError):
        database.retrying(lambda session: session.execute(text("INSERT INTO written VALUES (2), (3)")), alone=True)
    with database.transaction() as session:
        assert session.execute(text("SELECT number FROM written")).scalars().all() == [1]
        session.execute(text("INSERT INTO written VALUES (2)"))
        session.rollback()  # the same connection has transactions again
    with database.transaction() as session:
        assert session.execute(text("SELECT number FROM written")).scalars().all() == [1]
    hasty = Database(database_url, pool_size=1, statement_timeout=0.1)
    with pytest.raises(DatabaseUnavailable, match="statement_timeout"):
        hasty.retrying(lambda session: session.execute(text("SELECT pg_sleep(30)")), 0, alone=True)
    hasty.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg2://nobody@127.0.0.1:9/none?connect_timeout=2",
        "postgresql+psycopg2://nobody@/none?host=/nonexistent",
    ],
)
def test_a_server_that_is_not_there_is_an_unavailable_database(url: str) -> None:
    database = Database(url, pool_size=1)
    with pytest.raises(DatabaseUnavailable) as raised:
        database.check()
    assert "\n" not in str(raised.value)
    assert "PostgreSQL does not answer" in str(raised.value)
