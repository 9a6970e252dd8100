"""`fileintel up` with everything that it starts: PostgreSQL, Redis, the API, two Celery workers."""

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from fileintel.local import keeper
from fileintel.local.redis import EmbeddedRedis
from tests.service.processes import Running, kill, own_environment, processes_of, running, wait_until


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    return {**own_environment(), "FILEINTEL_HOME": str(home)}


def fileintel(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "fileintel", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )


def listed(environment: dict[str, str]) -> Any:
    return json.loads(fileintel(environment, "ps", "--json").stdout)


@pytest.fixture
def foreground(home: Path, environment: dict[str, str], tmp_path: Path) -> Iterator[Running]:
    """`fileintel up`, ready, started in a folder with names that could be taken for modules."""
    for name in ("celery.py", "redis.py", "logging.py"):
        (tmp_path / name).write_text("raise SystemExit('taken for a module')")
    program = str(Path(sys.executable).with_name("fileintel"))
    command = [program, "up", "--port", "0", "--workers", "1"]
    with running(command, environment, start_new_session=True, cwd=tmp_path) as one:
        one.wait_for("ready: http")
        yield one


def answers(url: str) -> bool:
    try:
        return bool(urllib.request.urlopen(url).status == 200)
    except OSError:
        return False


def postgres_row(environment: dict[str, str]) -> dict[str, Any]:
    """What `fileintel ps` shows of the database."""
    (row,) = (row for row in listed(environment)["processes"] if row["name"] == "postgres")
    return dict(row)


def test_the_workers_answer_a_killed_database_comes_back_and_an_interrupt_ends_everything(
    foreground: Running, environment: dict[str, str], home: Path
) -> None:
    found = listed(environment)
    assert {row["name"] for row in found["processes"]} >= {"postgres", "redis", "api"}
    redis = EmbeddedRedis(home)
    with Celery(broker=redis.broker_url, backend=redis.result_backend_url) as app:
        nodes: set[str] = set()

        def both_answer() -> bool:
            nodes.update(name.partition("@")[0] for name in app.control.inspect(timeout=1).ping() or ())
            return nodes == {"graphrag_gevent", "main_prefork"}

        wait_until(both_answer, "an answer of both workers")

    before = postgres_row(environment)
    assert (before["restarts"], before["pid"]) == (0, keeper.server_pid(str(home / "postgres")))
    kill(before["pid"])
    foreground.wait_for("postgres has ended; starting it again")
    wait_until(lambda: answers(f"{found['url']}/readyz"), "a ready API")
    wait_until(lambda: postgres_row(environment)["restarts"] == 1, "a counted restart")
    after = postgres_row(environment)
    assert after["pid"] != before["pid"]
    assert after["since"] > before["since"]

    foreground.send(signal.SIGINT)
    assert foreground.ended() == 130
    assert not [path for path in home.rglob("*") if path.is_socket()]


def test_in_the_background_it_goes_on_alone_and_leaves_nothing_when_it_is_killed(
    environment: dict[str, str], home: Path
) -> None:
    started = fileintel(environment, "up", "--port", "0", "--workers", "1", "--detach")
    assert started.returncode == 0, started.stderr
    found = listed(environment)
    assert started.stdout == f"{found['url']}\n"
    assert answers(f"{found['url']}/readyz")
    kill(found["pid"])
    wait_until(lambda: not processes_of(home), "the end of everything")
    assert not [path for path in home.rglob("*") if path.is_socket()]
    assert listed(environment)["running"] is False
    assert fileintel(environment, "down").returncode == 0
