"""Who the server runs as. Most of this needs root, because only root can be somebody else."""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fileintel
from fileintel.errors import DatabaseUnavailable
from fileintel.local.postgres import EmbeddedPostgres
from fileintel.local.server_identity import SYSTEM_USER, find_identity
from tests.local.conftest import MakeHome
from tests.local.processes import member, postmaster, rows, wait_until_stopped

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
NOBODY = 65534


@pytest.fixture
def namespaces() -> None:
    if subprocess.run(["unshare", "--user", "--map-user=1000", "true"], check=False).returncode != 0:
        pytest.skip("user namespaces are not allowed here")


@pytest.fixture
def system_user() -> Iterator[None]:
    """Lets the code create the user, and removes it if it was not there before."""
    existed = any(entry.pw_name == SYSTEM_USER for entry in pwd.getpwall())
    yield
    if not existed and any(entry.pw_name == SYSTEM_USER for entry in pwd.getpwall()):
        subprocess.run(["userdel", SYSTEM_USER], check=False)


@pytest.fixture(scope="module")
def python_of_nobody() -> tuple[str, dict[str, str]]:
    """An interpreter of our version, and the environment in which the user nobody can run our code with it."""
    paths = [*(path for path in sys.path if path.endswith("-packages")), str(Path(fileintel.__file__).parents[1])]
    environment = {"PYTHONPATH": ":".join(paths), "PATH": os.defpath}
    for python in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        try:
            subprocess.run(
                [python, "-c", "import psycopg2, fileintel.local.postgres"],
                user=NOBODY, group=NOBODY, extra_groups=[], env=environment, cwd="/", check=True, capture_output=True,
            )  # fmt: skip
            return python, environment
        except (OSError, subprocess.CalledProcessError):
            continue
    pytest.skip("the user nobody cannot reach a Python of this version, or this checkout")


def as_nobody(python_of_nobody: tuple[str, dict[str, str]]) -> dict[str, object]:
    python, environment = python_of_nobody
    return {
        "command": (python,), "env": environment, "user": NOBODY, "group": NOBODY, "extra_groups": [], "cwd": "/",
    }  # fmt: skip


@needs_root
def test_root_in_a_namespace_keeps_its_files_and_works_in_a_closed_folder(
    make_home: MakeHome, namespaces: None
) -> None:
    home = make_home("closed/home")
    home.parent.chmod(0o700)
    database = EmbeddedPostgres(home, root_mode="namespace")
    assert rows(database.join(), "SELECT 1") == [(1,)]
    assert {path.lstat().st_uid for path in (home / "postgres").rglob("*")} == {0}
    database.leave()
    wait_until_stopped(home)


@needs_root
def test_root_as_a_system_user_hands_the_data_over_and_takes_it_back(
    home: Path, system_user: None, namespaces: None
) -> None:
    database = EmbeddedPostgres(home, root_mode="user")
    rows(database.join(), "CREATE TABLE t AS SELECT 1 AS x")
    uid = pwd.getpwnam(SYSTEM_USER).pw_uid
    assert Path(f"/proc/{postmaster(home)}").stat().st_uid == uid
    assert (home / "postgres").stat().st_uid == uid
    assert home.stat().st_uid == 0
    database.leave()
    wait_until_stopped(home)
    database = EmbeddedPostgres(home, root_mode="namespace")
    assert rows(database.join(), "SELECT x FROM t") == [(1,)]
    assert (home / "postgres").stat().st_uid == 0
    database.leave()
    wait_until_stopped(home)


@needs_root
def test_a_fresh_database_can_be_made_by_the_system_user(fresh_home: Path, system_user: None) -> None:
    with member(fresh_home, "--root-mode", "user") as one:
        assert rows(one.url(), "SELECT 1") == [(1,)]
        one.kill()
        wait_until_stopped(fresh_home)


@needs_root
def test_a_folder_that_the_system_user_cannot_reach_is_named_and_not_opened(
    make_home: MakeHome, system_user: None
) -> None:
    home = make_home("closed/home")
    home.parent.chmod(0o700)
    with pytest.raises(DatabaseUnavailable) as caught:
        EmbeddedPostgres(home, root_mode="user").join()
    assert f"cannot reach {home.parent}:" in str(caught.value)
    assert "FILEINTEL_HOME" in str(caught.value)
    assert home.parent.stat().st_mode & 0o777 == 0o700


@needs_root
def test_where_namespaces_are_forbidden_root_becomes_the_system_user(
    make_home: MakeHome, system_user: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = make_home("programs")
    (programs / "unshare").write_text("#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n")
    (programs / "unshare").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    assert find_identity("auto", [programs]).switch
    with pytest.raises(DatabaseUnavailable, match="user namespaces are not allowed here"):
        find_identity("namespace", [programs])


@needs_root
def test_an_ordinary_user_runs_the_server_itself(
    make_home: MakeHome, python_of_nobody: tuple[str, dict[str, str]]
) -> None:
    home = make_home()
    shutil.chown(home, NOBODY, NOBODY)
    with member(home, **as_nobody(python_of_nobody)) as one:
        assert rows(one.url(), "SELECT 1") == [(1,)]
        assert Path(f"/proc/{postmaster(home)}").stat().st_uid == NOBODY
        one.leave()
    wait_until_stopped(home)


@needs_root
def test_root_joins_the_running_server_of_another_user_and_does_not_take_its_data_over(
    make_home: MakeHome, python_of_nobody: tuple[str, dict[str, str]]
) -> None:
    home = make_home()
    shutil.chown(home, NOBODY, NOBODY)
    database = EmbeddedPostgres(home)
    with member(home, **as_nobody(python_of_nobody)) as one:
        url = one.url()
        assert database.join() == url
        one.leave()
    database.leave()
    wait_until_stopped(home)
    with pytest.raises(DatabaseUnavailable, match="belongs to 'nobody'"):
        database.join()


@needs_root
def test_a_home_without_write_permission_is_refused_in_one_line(
    fresh_home: Path, python_of_nobody: tuple[str, dict[str, str]]
) -> None:
    with member(fresh_home, **as_nobody(python_of_nobody)) as one:
        word, message = one.answer()
        assert word == "refused"
        assert message.startswith(f"no permission for {fresh_home}")
        assert "FILEINTEL_HOME" in message


@needs_root
def test_a_database_of_root_is_refused_to_another_user(
    database: EmbeddedPostgres, home: Path, python_of_nobody: tuple[str, dict[str, str]]
) -> None:
    database.join()
    with member(home, **as_nobody(python_of_nobody)) as one:
        word, message = one.answer()
        assert word == "refused"
        assert message.startswith("no permission for ")
