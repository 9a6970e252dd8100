"""The third door: a program calls a Celery task, as the documentation shows it."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from fileintel.queues import TASKS
from tests.api.installation import Caller, Installation, Redis, wait_for
from tests.conftest import FOREIGN, SAMPLES

ROOT = Path(__file__).parents[2]
(SNIPPET,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "operations.md").read_text(), re.DOTALL)
ANOTHER_APPLICATION = (
    "import celery\ntheirs = celery.Celery('theirs', broker='memory://')\ntheirs.set_default()\ntheirs.set_current()\n"
)
PEAR = "the-lost-pear-of-monte-arsone.md"
NOBODY = "redis://127.0.0.1:1/0"  # a port on which nothing listens
AT_ONCE_SECONDS = 20.0  # the start of Python on a busy machine included; Celery itself would try for ever


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program in an interpreter of its own, outside of the checkout's folder."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)} | environment
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=own, cwd="/", capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A broker without a worker."""
    server = Redis(tmp_path)
    server.start()
    yield server
    server.stop()


def waiting(redis: Redis) -> Mapping[str, int]:
    """How many messages wait in each queue that has any."""
    queues = {"celery", *(queue for _, queue in TASKS.values())}
    return {queue: count for queue in queues if (count := redis.messages(queue))}


@pytest.mark.parametrize("before", ["", ANOTHER_APPLICATION], ids=["a fresh interpreter", "another application"])
def test_the_message_of_the_documented_call_is_in_the_queue_of_the_graph_workers(redis: Redis, before: str) -> None:
    done = run(before + SNIPPET, CELERY_BROKER_URL=redis.url, CELERY_RESULT_BACKEND=redis.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert waiting(redis) == {"graphrag_indexing": 1}


@pytest.mark.parametrize("module", sorted({name.rpartition(".")[0] for name, _ in TASKS.values()}))
def test_each_module_of_tasks_binds_the_application_of_this_program(module: str) -> None:
    program = (
        f"{ANOTHER_APPLICATION}import {module} as tasks\nfrom celery import Task\n"
        "found = [one for one in vars(tasks).values() if isinstance(one, Task)]\n"
        "assert found\nfrom fileintel.celery_config import app\nassert all(one.app is app for one in found)"
    )
    done = run(program)
    assert done.returncode == 0, done.stderr


def test_the_documented_call_is_done_by_the_graph_worker(attended: Installation, service: Caller) -> None:
    service.collection("thesis")
    service.wait(service.upload("thesis", (PEAR, (SAMPLES / PEAR).read_bytes()))["task_id"])
    done = run(SNIPPET, **attended.environment)
    assert done.returncode == 0, done.stderr

    def built() -> list[dict[str, str]]:
        return [one for one in service.pages("/tasks", 10, collection="thesis") if one["kind"] == "index"]

    (task,) = wait_for(built, "the run of the call")
    assert service.wait(task["id"])["kind"] == "index"
    assert service.ok("GET", "/graphrag/thesis/status")["state"] == "succeeded"


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "no message broker is configured; set celery.broker_url (CELERY_BROKER_URL)"),
        ({"CELERY_BROKER_URL": NOBODY}, "the message broker does not answer: "),
    ],
    ids=["not configured", "not there"],
)
def test_without_a_broker_the_documented_call_fails_at_once_and_says_what_to_set(
    environment: dict[str, str], told: str
) -> None:
    began = time.monotonic()
    done = run(SNIPPET, **environment)
    assert time.monotonic() - began < AT_ONCE_SECONDS
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"fileintel.errors.ServiceUnavailable: {told}")
    assert "CELERY_BROKER_URL" in last
    assert "During handling" not in done.stderr
    assert "direct cause" not in done.stderr
