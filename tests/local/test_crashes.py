"""Whatever is killed: committed rows stay, the next join works, and nothing runs for nobody."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from sqlalchemy import create_engine

from fileintel.local import keeper
from fileintel.local.postgres import EmbeddedPostgres
from tests.local.conftest import MakeHome
from tests.local.processes import (
    keeper_pid,
    kill,
    member,
    postmaster,
    processes_below,
    rows,
    wait_until,
    wait_until_stopped,
)


def test_committed_rows_survive_the_death_of_the_postmaster(database: EmbeddedPostgres, home: Path) -> None:
    url = database.join()
    rows(url, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS x")
    server = postmaster(home)
    kill(server)
    assert not database.running()
    url = database.join()
    assert postmaster(home) != server
    assert rows(url, "SELECT count(*) FROM t") == [(1000,)]


def test_a_busy_backend_of_a_dead_postmaster_does_not_block_the_next_start(
    database: EmbeddedPostgres, home: Path
) -> None:
    url = database.join()
    raw = create_engine(url).raw_connection()
    raw.cursor().execute("SELECT 1")
    backend = raw.driver_connection.info.backend_pid
    os.kill(backend, signal.SIGSTOP)  # cannot notice that its postmaster is gone, like one in a long computation
    kill(postmaster(home))
    assert rows(database.join(), "SELECT 1") == [(1,)]
    raw.detach()
    raw.close()


def test_a_killed_backend_is_recovered_from_by_the_server_itself(database: EmbeddedPostgres, home: Path) -> None:
    url = database.join()
    server = postmaster(home)
    raw = create_engine(url).raw_connection()
    backend = raw.driver_connection.info.backend_pid
    kill(backend)
    assert rows(database.join(), "SELECT 1") == [(1,)]
    assert postmaster(home) == server
    raw.detach()
    raw.close()


def test_the_death_of_the_last_member_stops_the_server(home: Path) -> None:
    with member(home) as one:
        one.url()
        assert postmaster(home)
        one.kill()
        wait_until_stopped(home)


def test_a_member_that_dies_while_it_starts_the_server_leaves_nothing_in_the_way(fresh_home: Path) -> None:
    with member(fresh_home) as one:
        wait_until(lambda: list(fresh_home.glob("postgres.new-*")), "the start of initdb")
        one.kill()
    database = EmbeddedPostgres(fresh_home)
    assert rows(database.join(), "SELECT 1") == [(1,)]
    assert not list(fresh_home.glob("postgres.new-*"))
    database.leave()


def test_after_the_death_of_the_keeper_the_next_join_brings_another(home: Path) -> None:
    with member(home) as first:
        first.url()
        old = keeper_pid(home)
        server = postmaster(home)
        kill(old)
        with member(home) as second:
            second.url()
            wait_until(lambda: keeper_pid(home) != old, "the start of another keeper")
            assert postmaster(home) == server
            first.kill()
            second.kill()
        wait_until_stopped(home)


def test_a_member_that_leaves_replaces_a_dead_keeper(home: Path) -> None:
    with member(home) as one:
        one.url()
        kill(keeper_pid(home))
        one.leave()
        wait_until_stopped(home)


def test_a_server_that_outlived_everybody_is_used_and_stopped_at_the_end(
    database: EmbeddedPostgres, home: Path
) -> None:
    with member(home) as one:
        one.url()
        kill(keeper_pid(home))
        server = postmaster(home)
        one.kill()
    database.join()
    assert postmaster(home) == server
    database.leave()
    wait_until_stopped(home)


def test_after_the_death_of_everything_at_once_join_works_again(database: EmbeddedPostgres, home: Path) -> None:
    with member(home) as one:
        rows(one.url(), "CREATE TABLE t AS SELECT 1 AS x")
        keeper_pid(home)
        for pid in [one.process.pid, *processes_below(home)]:
            with contextlib.suppress(ProcessLookupError):  # a process of the server may have ended by itself
                os.kill(pid, signal.SIGKILL)
        wait_until_stopped(home)
    assert (home / "postgres" / "postmaster.pid").exists()
    assert rows(database.join(), "SELECT x FROM t") == [(1,)]


def _forge_pid_file(home: Path, pid: int) -> None:
    lines = [pid, home / "postgres", 1, 5432, home / "run", "", "  1  1", "ready   "]
    (home / "postgres" / "postmaster.pid").write_text("\n".join(map(str, lines)) + "\n")
    (home / "run").mkdir(mode=0o700)
    (home / "run" / ".s.PGSQL.5432.lock").write_text((home / "postgres" / "postmaster.pid").read_text())


def test_a_pid_file_with_the_number_of_a_foreign_process_is_not_believed(
    database: EmbeddedPostgres, home: Path
) -> None:
    foreign = subprocess.Popen(["sleep", "60"], cwd="/")
    try:
        _forge_pid_file(home, foreign.pid)
        assert not database.running()
        assert rows(database.join(), "SELECT 1") == [(1,)]
        database.leave()
        wait_until_stopped(home)
        assert foreign.poll() is None
    finally:
        foreign.kill()
        foreign.wait()


def test_a_pid_file_with_the_number_of_a_zombie_is_not_believed(database: EmbeddedPostgres, home: Path) -> None:
    zombie = subprocess.Popen(["true"])
    wait_until(lambda: Path(f"/proc/{zombie.pid}/stat").read_text().split()[2] == "Z", "the zombie")
    _forge_pid_file(home, zombie.pid)
    assert rows(database.join(), "SELECT 1") == [(1,)]
    zombie.wait()


def test_a_pid_file_with_the_number_of_another_homes_server_is_not_believed(
    database: EmbeddedPostgres, home: Path, make_home: MakeHome
) -> None:
    other_home = make_home("other")
    other = EmbeddedPostgres(other_home)
    other.join()
    server = postmaster(other_home)
    _forge_pid_file(home, server)
    assert not database.running()
    database.join()
    database.leave()
    wait_until_stopped(home)
    assert postmaster(other_home) == server
    other.leave()


def test_a_half_written_pid_file_is_not_believed(database: EmbeddedPostgres, home: Path) -> None:
    (home / "postgres" / "postmaster.pid").write_text("")
    assert rows(database.join(), "SELECT 1") == [(1,)]


def test_a_home_that_was_deleted_under_the_server_can_be_used_again(fresh_home: Path) -> None:
    with member(fresh_home) as one:
        one.url()
        server = postmaster(fresh_home)
        subprocess.run(["rm", "-rf", str(fresh_home)], check=True)
        database = EmbeddedPostgres(fresh_home)
        assert rows(database.join(), "SELECT 1") == [(1,)]
        assert postmaster(fresh_home) != server
        database.leave()


def test_the_log_is_cut_when_it_has_grown_too_large(database: EmbeddedPostgres, home: Path) -> None:
    database.join()
    log = home / "postgres" / keeper.LOG_FILE
    with log.open("ab") as file:
        file.write(b"x" * (keeper.LOG_LIMIT + 1))
    os.kill(keeper_pid(home), signal.SIGALRM)  # what its timer does every ten minutes
    wait_until(lambda: log.stat().st_size < keeper.LOG_LIMIT, "the cut")
    assert Path(f"{log}.1").stat().st_size == keeper.LOG_LIMIT
    database.leave()
    wait_until_stopped(home)
    assert "shut down" in log.read_text()  # the server goes on writing to the same file
