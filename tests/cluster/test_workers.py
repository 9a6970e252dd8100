"""The workers one by one: what they take, how they are asked for their health, and what can take their place."""

import os
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from celery import Celery

from fileintel.errors import EXIT_UNAVAILABLE
from fileintel.tasks.graphrag import build_graphrag_index_task
from tests.api.installation import BINARIES, Caller, Process, wait_for
from tests.cluster.cluster import GRAPH, MAIN, Cluster, delay, exported
from tests.cluster.conftest import ARCHIPELAGO
from tests.cluster.test_work import PATIENCE, PEAR, REQUESTS_AT_ONCE
from tests.deployment.compose import option, services
from tests.standin import StandIn

# what there is to see is the same whatever carries the messages
pytestmark = pytest.mark.parametrize("cluster", ["redis"], indirect=True)

MOST_MEMORY = 200_000_000  # bytes, resident, of an idle graph worker; 126 MB when this was written
MOST_CPU_SECONDS = 6.0  # until it is ready; 1.4 when this was written. Idle cores give that in less than three seconds


def test_an_idle_graph_worker_is_small_and_quickly_ready(cluster: Cluster, record_property: object) -> None:
    assert callable(record_property)
    record_property("memory", cluster.effort.memory)
    record_property("cpu seconds until ready", cluster.effort.seconds)
    assert cluster.effort.memory < MOST_MEMORY
    assert cluster.effort.seconds < MOST_CPU_SECONDS


def test_the_graph_worker_is_patched_and_the_main_worker_is_not(cluster: Cluster) -> None:
    graph, main = (cluster.workers[name].output() for name in (GRAPH, MAIN))
    for output in (graph, main):
        assert output.count("self-check passed: ") >= 3
    assert "name look-ups leave the hub free: gevent.resolver.ares" in graph
    assert "psycogreen is on" in graph
    assert "Community reports configuration: async_mode=gevent, concurrent_requests=50" in graph
    assert "psycogreen is off" in main
    assert "Community reports configuration: async_mode=threads, concurrent_requests=50" in main


@pytest.mark.parametrize(
    ("changes", "environment", "said", "code"),
    [
        (["-Pgevent"], {}, "error: the gevent pool is not patched", 1),
        (["--pool=gevent"], {"GEVENT_RESOLVER": "block"}, "self-check failed: name look-ups block", EXIT_UNAVAILABLE),
    ],
    ids=["not patched", "blocking look-ups"],
)
def test_a_graph_worker_that_would_do_one_thing_at_a_time_does_not_start(
    cluster: Cluster, changes: list[str], environment: dict[str, str], said: str, code: int
) -> None:
    words = [word for word in cluster.command(GRAPH) if not word.startswith(("--pool", "--hostname"))]
    command = [*words, *changes, "--hostname=refused@%h", "--without-mingle"]
    result = subprocess.run(
        command, env={**cluster.environment, **environment}, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == code, result.stderr
    assert said in result.stderr


@pytest.mark.parametrize("name", [GRAPH, MAIN])
def test_the_health_of_a_worker_is_seen_by_the_command_of_the_compose_file(cluster: Cluster, name: str) -> None:
    def exit_code(command: str) -> int:
        path = f"{BINARIES}{os.pathsep}{os.environ.get('PATH', '')}"
        environment = {**cluster.environment, "PATH": path}
        return subprocess.run(["sh", "-c", command], env=environment, timeout=120, check=False).returncode

    _, command = services()[name]["healthcheck"]["test"]
    assert exit_code(command) == 0
    nobody = command.replace('destination="', 'destination="no_').replace("--timeout=15", "--timeout=0.5")
    assert exit_code(nobody) != 0


def test_flower_shows_both_workers_and_its_health(cluster: Cluster, tmp_path: Path) -> None:
    flower = services()["flower"]
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    program, *words = flower["command"]
    login = tuple(flower["environment"]["FLOWER_BASIC_AUTH"].split(":"))
    environment = {**cluster.environment, "FLOWER_BASIC_AUTH": ":".join(login), "FLOWER_PORT": str(port)}
    with Process([str(BINARIES / program), *words], environment, tmp_path / "flower.log") as process:
        check = [part.replace("5555", str(port)) for part in flower["healthcheck"]["test"][1:]]
        check[0] = str(BINARIES / check[0])

        def healthy() -> bool:
            assert process.process.poll() is None, process.output()
            return subprocess.run(check, stderr=subprocess.DEVNULL, timeout=60, check=False).returncode == 0

        wait_for(healthy, "a healthy Flower", 60)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            assert client.get("/api/workers").status_code == 401
            assert client.get("/metrics").status_code == 200

            def nodes() -> set[str]:
                found = client.get("/api/workers", params={"refresh": "1"}, auth=(login[0], login[1]))
                return {name.partition("@")[0] for name in found.json()}

            wait_for(lambda: nodes() == {"graphrag_gevent", "main_prefork"}, "both workers")


def test_processes_or_threads_can_take_the_place_of_greenlets(
    cluster: Cluster, service: Caller, model: StandIn
) -> None:
    body = {"collection_id": ARCHIPELAGO}
    service.wait(service.ok("POST", "/graphrag/index", 202, json=body)["task_id"])
    by_greenlets = exported(service, ARCHIPELAGO)
    assert len(by_greenlets) > 5

    def rebuild(app: Celery) -> None:
        model.reset()
        model.gather(REQUESTS_AT_ONCE, "report")
        call = delay(app, build_graphrag_index_task, collection_id=ARCHIPELAGO, force_rebuild=True, fresh=True)
        assert call.get(timeout=PATIENCE)["state"] == "succeeded"
        assert model.counts().peaks["report"] == REQUESTS_AT_ONCE
        assert exported(service, ARCHIPELAGO) == by_greenlets

    with cluster.celery() as app:
        assert "async_mode=threads" in cluster.replace(GRAPH, "--pool=prefork", "--concurrency=2").output()
        rebuild(app)
        cluster.workers[GRAPH].stop()
        every_queue = ",".join(option(cluster.command(name), "queues") for name in (MAIN, GRAPH))
        cluster.replace(MAIN, "--pool=threads", f"--queues={every_queue}")
        rebuild(app)
    service.collection("without-greenlets")
    service.wait(service.upload("without-greenlets", PEAR)["task_id"])
    cluster.replace(MAIN)
    cluster.replace(GRAPH)
