"""The commands in the compose file are commands of this program, and the queues are those of the application."""

import subprocess
import sys

import celery
import pytest
from celery.bin.worker import worker

from fileintel import queues
from tests.deployment.compose import of_fileintel, option, services

WORKERS = ("celery-worker", "celery-graphrag-gevent")


def queues_of(name: str) -> list[str]:
    return option(services()[name]["command"], "queues").split(",")


def test_together_the_workers_serve_every_queue_and_none_twice() -> None:
    from fileintel.celery_config import app

    served = [queue for name in WORKERS for queue in queues_of(name)]
    assert sorted(served) == sorted({queue.name for queue in app.conf.task_queues})


def test_each_kind_of_work_is_on_the_worker_that_is_made_for_it() -> None:
    assert queues_of("celery-graphrag-gevent") == list(queues.GRAPHRAG_QUEUES)
    assert queues_of("celery-worker") == list(queues.PREFORK_QUEUES)


def test_the_workers_are_those_that_the_program_starts_by_itself() -> None:
    for name, kind in (("celery-graphrag-gevent", queues.GRAPH_WORKER), ("celery-worker", queues.MAIN_WORKER)):
        assert services()[name]["command"][:4] == list(queues.CELERY)
        assert set(kind.options()) <= set(services()[name]["command"])


@pytest.mark.parametrize("name", [*WORKERS, "flower"])
def test_celery_is_started_with_the_application(name: str) -> None:
    command = services()[name]["command"]
    assert command[:3] == ["celery", "-A", "fileintel.celery_config:app"]
    assert command[3] == ("flower" if name == "flower" else "worker")


@pytest.mark.parametrize("name", WORKERS)
def test_the_options_of_the_workers_are_options_of_celery(name: str) -> None:
    known = {word for parameter in worker.params for word in parameter.opts}
    assert {word.partition("=")[0] for word in services()[name]["command"][4:]} <= known


def test_celery_sees_the_gevent_pool_in_time_to_patch() -> None:
    command = services()["celery-graphrag-gevent"]["command"]
    find = celery._find_option_with_arg  # what Celery itself asks before it patches
    assert find(command, short_opts=["-P"], long_opts=["--pool"]) == "gevent"
    assert option(command, "concurrency") == "100"


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_is_asked_for_its_health_under_its_own_name(name: str) -> None:
    service = services()[name]
    node = option(service["command"], "hostname").removesuffix("@%h")
    kind, script = service["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    assert script.startswith("celery -A fileintel.celery_config:app inspect ping ")
    assert f'--destination="{node}@$(hostname)"' in script


def commands_of_fileintel() -> list[list[str]]:
    return [one["command"] for one in of_fileintel().values() if one["command"][0] == "fileintel"]


@pytest.mark.parametrize("command", commands_of_fileintel(), ids=" ".join)
def test_the_command_exists(command: list[str]) -> None:
    arguments = [sys.executable, "-m", *command, "--help"]
    result = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
