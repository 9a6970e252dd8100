"""The life of the built-in model's process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import httpx
import pytest

from fileintel.builtin_model import launch
from fileintel.builtin_model.launch import BuiltinModelServer
from fileintel.errors import ModelServerUnavailable

PATIENCE = 120.0  # seconds


def healthy(base_url: str) -> bool:
    try:
        return httpx.get(f"{base_url.removesuffix('/v1')}/health").status_code == 200
    except httpx.TransportError:
        return False


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def gone(pid: int) -> bool:
    """The process ends within our patience; an orphan may stay a zombie if nobody reaps it."""

    def ended() -> bool:
        try:
            with open(f"/proc/{pid}/stat") as stat:
                return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            return True

    return eventually(ended)


def test_the_server_runs_inside_the_context_and_is_gone_after_it() -> None:
    with BuiltinModelServer() as server:
        assert healthy(server.base_url)
        assert server.start() == server.base_url
        pid = server.pid
    assert pid is not None
    assert gone(pid)
    assert not server.running
    server.stop()


def test_a_server_that_died_comes_back_under_the_same_address() -> None:
    with BuiltinModelServer() as server:
        address, pid = server.base_url, server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        # Until its last thread has ended, a killed process cannot be waited for and counts as running.
        assert eventually(lambda: not server.running)
        assert server.ensure() == address
        assert server.pid != pid
        assert healthy(address)


def test_the_server_dies_with_a_parent_that_is_killed() -> None:
    code = (
        "from fileintel.builtin_model.launch import BuiltinModelServer as S\n"
        "import time\n"
        "s = S(); s.start(); print(s.pid, flush=True); time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
    assert gone(pid)


def test_the_server_dies_with_its_parent_although_a_fork_holds_its_input_open() -> None:
    code = (
        "import os, time\n"
        "from fileintel.builtin_model.launch import BuiltinModelServer as S\n"
        "s = S(); s.start()\n"
        "fork = os.fork()\n"
        "if fork:\n"
        "    print(s.pid, fork, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        pid, fork = map(int, parent.stdout.readline().split())
    parent.kill()
    parent.wait()
    try:
        assert gone(pid)
    finally:
        os.kill(fork, signal.SIGKILL)


def test_an_interrupt_of_the_process_group_does_not_reach_the_server() -> None:
    with BuiltinModelServer() as server:
        assert server.pid is not None
        assert os.getpgid(server.pid) != os.getpgid(0)


def test_a_fork_does_not_stop_the_server_of_its_parent() -> None:
    code = (
        "import os, urllib.request\n"
        "from fileintel.builtin_model.launch import BuiltinModelServer as S\n"
        "s = S(); s.start()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    s.stop(); os._exit(0)\n"
        "os.waitpid(child, 0)\n"
        "assert s.running\n"
        "print(urllib.request.urlopen(s.base_url + '/models').status)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "200"


def test_the_server_runs_under_a_monkey_patched_parent_without_stopping_its_hub() -> None:
    code = (
        "from gevent import monkey; monkey.patch_all()\n"
        "import gevent, httpx, time\n"
        "from fileintel.builtin_model.launch import BuiltinModelServer as S\n"
        "ticks = []\n"
        "def tick():\n"
        "    while True:\n"
        "        ticks.append(1); gevent.sleep(0.001)\n"
        "gevent.spawn(tick)\n"
        "with S() as s:\n"
        "    assert httpx.get(s.base_url + '/models').status_code == 200\n"
        "print(len(ticks) > 5)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_a_server_that_cannot_start_is_reported_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "MODULE", "fileintel.no_such_module")
    with pytest.raises(ModelServerUnavailable, match="no_such_module"):
        BuiltinModelServer().start()
