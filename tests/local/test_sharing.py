"""Who makes the server run, and for how long it runs."""

import os
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from fileintel.local.postgres import EmbeddedPostgres
from tests.local.conftest import MakeHome
from tests.local.processes import keeper_pid, member, postmaster, rows, wait_until, wait_until_stopped


def test_the_first_join_on_an_empty_home_makes_a_database_and_leaving_stops_it(fresh_home: Path) -> None:
    database = EmbeddedPostgres(fresh_home)
    assert not database.running()
    url = database.join()
    assert database.running()
    assert rows(url, "SELECT current_database(), current_user") == [("fileintel", "fileintel")]
    database.leave()
    wait_until_stopped(fresh_home)
    assert not database.running()
    assert sorted(os.listdir(fresh_home)) == ["postgres", "postgres.keeper", "postgres.members", "postgres.start"]


def test_the_url_names_a_private_socket_and_no_network_port_is_open(database: EmbeddedPostgres, home: Path) -> None:
    url = database.join()
    assert make_url(url).query["host"] == str(home / "run")
    assert (home / "run").stat().st_mode & 0o777 == 0o700
    assert rows(url, "SHOW listen_addresses") == [("",)]


def test_the_server_is_durable_deterministic_and_knows_vectors(database: EmbeddedPostgres) -> None:
    url = database.join()
    names = ("fsync", "synchronous_commit", "full_page_writes", "server_encoding", "TimeZone", "data_checksums")
    assert [rows(url, f"SHOW {name}")[0][0] for name in names] == ["on", "on", "on", "UTF8", "UTC", "on"]
    assert rows(url, "SELECT * FROM (VALUES ('b'), ('Ä'), ('B'), ('a')) AS t (x) ORDER BY x") == [
        ("B",),
        ("a",),
        ("b",),
        ("Ä",),
    ]
    rows(url, "CREATE EXTENSION vector")
    rows(url, "CREATE TABLE v AS SELECT ARRAY[i, 1, 0]::vector(3) AS e FROM generate_series(1, 2000) AS i")
    rows(url, "CREATE INDEX ON v USING hnsw (e vector_l2_ops)")
    assert rows(url, "SELECT e::text FROM v ORDER BY e <-> '[7,1,0]' LIMIT 1") == [("[7,1,0]",)]


def test_six_processes_that_join_a_fresh_home_at_once_share_one_server(fresh_home: Path) -> None:
    members = [member(fresh_home) for _ in range(6)]
    opened = [one.__enter__() for one in members]
    try:
        urls = {one.url() for one in opened}
        assert len(urls) == 1
        server = postmaster(fresh_home)
        for one in opened[:-1]:
            one.leave()
        assert rows(urls.pop(), "SELECT 1") == [(1,)]
        assert postmaster(fresh_home) == server
        opened[-1].leave()
    finally:
        for one in members:
            one.__exit__(None, None, None)
    wait_until_stopped(fresh_home)


def test_a_join_while_the_server_is_stopping_gets_a_running_one(database: EmbeddedPostgres, home: Path) -> None:
    for _ in range(10):
        url = database.join()
        assert rows(url, "SELECT 1") == [(1,)]
        database.leave()


def test_join_and_leave_may_be_repeated(database: EmbeddedPostgres, home: Path) -> None:
    assert database.join() == database.join()
    database.leave()
    database.leave()
    wait_until_stopped(home)
    assert rows(database.join(), "SELECT 1") == [(1,)]


def test_a_database_that_was_dropped_is_made_again(database: EmbeddedPostgres) -> None:
    url = database.join()
    rows(url, "CREATE TABLE t (x int)")
    engine = create_engine(url.replace("/fileintel?", "/postgres?"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DROP DATABASE fileintel"))
    assert rows(database.join(), "SELECT to_regclass('t')") == [(None,)]


def test_two_homes_have_two_servers(database: EmbeddedPostgres, home: Path, make_home: MakeHome) -> None:
    other_home = make_home("other")
    other = EmbeddedPostgres(other_home)
    url, other_url = database.join(), other.join()
    rows(url, "CREATE TABLE only_here (x int)")
    assert rows(other_url, "SELECT to_regclass('only_here')") == [(None,)]
    other.leave()
    wait_until_stopped(other_home)
    assert rows(url, "SELECT 1") == [(1,)]


def test_several_objects_of_one_process_are_several_members(database: EmbeddedPostgres, home: Path) -> None:
    second = EmbeddedPostgres(home)
    url = database.join()
    second.join()
    database.leave()
    assert rows(url, "SELECT 1") == [(1,)]
    second.leave()
    wait_until_stopped(home)


def test_a_program_that_outlives_its_member_does_not_keep_the_server(home: Path) -> None:
    with member(home, "--stubborn-child") as one:
        one.url()
        one.leave()
        assert one.child
        wait_until_stopped(home)


def test_a_forked_child_is_no_member_and_can_become_one(database: EmbeddedPostgres, home: Path) -> None:
    database.join()
    ready, done = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:  # joins only when its parent has left and the server has stopped
        os.read(ready[0], 1)
        works = rows(database.join(), "SELECT 1") == [(1,)]
        os.write(done[1], b"y" if works else b"n")
        os._exit(0)
    database.leave()
    wait_until(lambda: not database.running(), "the stop of the server while the child lives")
    os.write(ready[1], b"!")
    assert os.read(done[0], 1) == b"y"
    os.waitpid(child, 0)
    for descriptor in (*ready, *done):
        os.close(descriptor)
    wait_until_stopped(home)


def test_it_works_in_a_process_that_is_patched_for_greenlets(fresh_home: Path) -> None:
    with member(fresh_home, "--green") as green, member(fresh_home) as plain:
        assert green.url() == plain.url()
        plain.leave()
        green.leave()
    wait_until_stopped(fresh_home)


def test_a_signal_from_the_terminal_reaches_neither_server_nor_keeper(database: EmbeddedPostgres, home: Path) -> None:
    database.join()
    for pid in (postmaster(home), keeper_pid(home)):
        assert os.getsid(pid) != os.getsid(0)
        assert os.getpgid(pid) != os.getpgid(0)
