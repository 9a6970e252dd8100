"""The service of a home: one at a time, in the foreground and in the background, seen and stopped from elsewhere."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fileintel.config import load_settings
from fileintel.errors import EXIT_UNAVAILABLE
from fileintel.local import service_control
from fileintel.local.service import Options
from fileintel.local.service_environment import service_environment
from fileintel.local.service_processes import process_rows
from fileintel.local.service_state import LOG, is_free, read_state, running_service
from fileintel.local.supervisor import ServiceFailed
from tests.service.processes import Running, alive, kill, own_environment, processes_of, running, wait_until

SMALL_SERVICE = Path(__file__).with_name("small_service.py")


def small_service(options: Options) -> list[str]:
    return [sys.executable, "-P", str(SMALL_SERVICE), *options.arguments()]


def environment(home: Path) -> dict[str, str]:
    own = {"FILEINTEL_HOME": str(home), "DATABASE_URL": "postgresql://nowhere/none", "CELERY_BROKER_URL": ""}
    return {**own_environment(), **own}


def options_for(home: Path, port: int = 0, *, detached: bool = False) -> Options:
    return Options(home, "127.0.0.1", port, 2, detached)


@contextmanager
def service(home: Path, port: int = 0) -> Iterator[Running]:
    with running(small_service(options_for(home, port)), environment(home), start_new_session=True) as one:
        yield one


def command_line(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "fileintel", *arguments],
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )


def state_of(home: Path) -> Any:
    state = running_service(home)
    assert state is not None
    return state


def test_it_says_where_it_can_be_reached_when_it_can(home: Path) -> None:
    with service(home) as one:
        one.wait_for("ready: http://127.0.0.1:")
        url = state_of(home).url
        one.wait_for(f"docs:  {url}/docs")
        assert urllib.request.urlopen(f"{url}/readyz").status == 200
        one.wait_for("main-worker     | redis+socket://")
        one.send(signal.SIGINT)
        assert one.ended() == 130
    assert is_free(home)
    assert read_state(home) is None
    assert not [path for path in home.rglob("*") if path.is_socket()]


def test_a_second_one_is_refused_with_the_process_of_the_first(home: Path) -> None:
    with service(home) as first:
        first.wait_for("ready:")
        with service(home) as second:
            assert second.ended() == 1
        assert f"process {first.pid}" in second.errors[0]
        assert len(second.errors) == 1
        assert state_of(home).pid == first.pid
        first.send(signal.SIGTERM)
        assert first.ended() == 0


def test_a_port_that_is_taken_is_refused_in_one_line(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with service(home, taken.getsockname()[1]) as one:
            assert one.ended() == EXIT_UNAVAILABLE, "as `fileintel api`"
        assert one.errors == [
            f"error: cannot listen on 127.0.0.1 port {taken.getsockname()[1]}: Address already in use; "
            "choose another one with --port"
        ]


def test_ps_lists_the_processes_with_their_memory(home: Path) -> None:
    with service(home) as one:
        one.wait_for("ready:")
        found = json.loads(command_line(home, "ps", "--json").stdout)
        assert found["running"]
        assert found["ready"]
        assert found["pid"] == one.pid
        rows = {row["name"]: row for row in found["processes"]}
        assert set(rows) == {"supervisor", "redis", "schema", "api", "graphrag-worker", "main-worker"}
        for name in ("supervisor", "redis", "api", "graphrag-worker", "main-worker"):
            assert alive(rows[name]["pid"])
            assert rows[name]["memory_bytes"] > 500_000
            assert rows[name]["state"] == "ready"
        table = command_line(home, "ps").stdout
        assert found["url"] in table
        assert f"{rows['api']['pid']}" in table
        one.send(signal.SIGTERM)
        one.ended()


def test_down_stops_it_and_says_so(home: Path) -> None:
    with service(home) as one:
        one.wait_for("ready:")
        done = command_line(home, "down")
        assert done.returncode == 0
        assert f"process {one.pid}" in done.stderr
        assert processes_of(home) in ([], [one.pid])
        assert one.ended() == 0


def test_down_and_ps_say_so_when_nothing_runs(home: Path) -> None:
    assert command_line(home, "down").stderr == f"no service is running in {home}\n"
    assert command_line(home, "down").returncode == 0
    assert command_line(home, "ps").stdout == f"no service is running in {home}\n"
    assert json.loads(command_line(home, "ps", "--json").stdout)["running"] is False


def test_down_now_does_not_wait_for_the_workers(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, 'ready.', flush=True)"
    monkeypatch.setenv("WORKER_CODE", f"{stubborn}; time.sleep(600)")
    with service(home) as one:
        one.wait_for("ready: http")
        command_line(home, "down", "--now")
        assert one.ended() == 0


def test_in_the_background_it_returns_when_ready_and_logs_into_the_home(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_control, "command", small_service)
    state = service_control.start_in_background(options_for(home, detached=True), environment(home))
    assert state.ready
    assert urllib.request.urlopen(f"{state.url}/readyz").status == 200
    assert state.log == str(home / LOG)
    assert "| ready: http://127.0.0.1:" in (home / LOG).read_text()
    with pytest.raises(ServiceFailed, match=f"process {state.pid}"):
        service_control.start_in_background(options_for(home, detached=True), environment(home))
    stopped = service_control.stop(home, now=False, say=print)
    assert stopped is not None
    assert stopped.pid == state.pid
    assert is_free(home)


def test_in_the_background_a_failure_comes_back_with_its_reason(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_control, "command", small_service)
    monkeypatch.setenv("WORKER_CODE", "print('my reason'); raise SystemExit(4)")
    with pytest.raises(ServiceFailed, match="ended with exit code 4: my reason; see"):
        service_control.start_in_background(options_for(home, detached=True), environment(home))


def test_after_a_kill_the_next_one_starts_at_once(home: Path) -> None:
    with service(home) as one:
        one.wait_for("ready:")
        kill(one.pid)
        with service(home) as next_one:
            next_one.wait_for("ready:")
            next_one.send(signal.SIGTERM)
            assert next_one.ended() == 0


def test_what_a_killed_supervisor_and_a_killed_watchdog_have_left_is_ended_by_the_next_one(home: Path) -> None:
    with service(home) as one:
        one.wait_for("ready:")
        state = state_of(home)
        (watchdog,) = [pid for pid in processes_of(home) if b"watchdog" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        kill(watchdog)
        kill(one.pid)
        wait_until(lambda: is_free(home), "the end of the service")
        left = [each.pid for each in state.processes if each.pid is not None]
        assert all(alive(pid) for pid in left)
        assert running_service(home) is None
        with service(home) as next_one:
            next_one.wait_for("ready:")
            assert not any(alive(pid) for pid in left)
            next_one.send(signal.SIGTERM)
            next_one.ended()


def test_the_programs_see_the_same_settings_as_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("key").write_text("s3cret\n")
    Path("settings.yaml").write_text("chunking: {size: 900}\n")
    environ = {
        "FILEINTEL_HOME": "here",
        "FILEINTEL_CONFIG": "settings.yaml",
        "OPENAI_API_KEY_FILE": "key",
        "FILEINTEL__PROMPTS__DIRECTORY": "prompts",
        "FILEINTEL__API__KEYS": "one,two",
        "OTHER": "kept",
    }
    assignments = {"llm.model": "qwen3", "graphrag.entity_types": "[a, b]", "llm.max_tokens": "17"}
    settings = load_settings(assignments, environ)
    passed = service_environment(settings, environ)
    monkeypatch.chdir("/")
    again = load_settings({}, passed)
    assert again.snapshot() == settings.snapshot()
    assert again.llm.api_key == settings.llm.api_key
    assert again.api.keys == settings.api.keys
    assert passed["OTHER"] == "kept"
    assert "DATABASE_URL" not in passed


def test_memory_counts_what_a_program_has_started(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import os, time; data = b'' if os.fork() else b'x' * 50_000_000; print(1, 'ready.', flush=True)"
    monkeypatch.setenv("WORKER_CODE", f"{code}; time.sleep(600)")
    with service(home) as one:
        one.wait_for("ready: http")
        for name in ("graphrag-worker", "main-worker"):
            one.wait_for(f"{name:<15} | 1 ready.", times=2)
        rows = {row.name: row for row in process_rows(home, state_of(home))}
        assert rows["main-worker"].memory_bytes > 50_000_000
        assert rows["supervisor"].memory_bytes < 50_000_000  # what it has started is listed itself
        one.send(signal.SIGTERM)
        one.ended()
