"""The whole service at work: on Redis, through PgBouncer, with RabbitMQ. Nothing here depends on how fast it is."""

import socket
import time
from collections import Counter
from pathlib import Path
from typing import Any

from fileintel.config import load_settings
from fileintel.local import keeper
from fileintel.tasks.graphrag import build_graphrag_index_task
from tests.api.installation import KEY, Caller, problem, wait_for
from tests.cluster.cluster import GRAPH, MAIN, Cluster, delay, watched
from tests.cluster.conftest import ARCHIPELAGO, ISLANDS_ALONE, DatabaseServer
from tests.conftest import CommandLine
from tests.deployment.compose import option, services
from tests.local.processes import kill
from tests.service.processes import own_environment, wait_until
from tests.standin import StandIn

RUNS_AT_ONCE = 100
REQUESTS_AT_ONCE = 50  # graphrag.concurrency, as shipped
PATIENCE = 200.0  # seconds for what takes three on idle cores
HELD = 10_000  # more than ever come: all are held until they are let go
BY_HTTP, BY_CELERY, BY_COMMAND, LEFT, LATER = ISLANDS_ALONE[RUNS_AT_ONCE : RUNS_AT_ONCE + 5]
PEAR = ("pear.md", b"Erna Sollid planted a pear tree in Kestervag.\n")


def test_each_worker_serves_its_queues_and_no_other(cluster: Cluster) -> None:
    assert served(cluster) == {
        option(services()[name]["command"], "hostname").partition("@")[0]: {
            *option(services()[name]["command"], "queues").split(",")
        }
        for name in (GRAPH, MAIN)
    }


def served(cluster: Cluster) -> dict[str, set[str]]:
    """The queues of each worker, as the workers themselves answer."""
    found: dict[str, set[str]] = {}

    def both_answer() -> bool:  # one that has only just begun does not hear every broadcast
        for node, queues in (app.control.inspect(timeout=2).active_queues() or {}).items():
            found[node.partition("@")[0]] = {queue["name"] for queue in queues}
        return len(found) > 1

    with cluster.celery() as app:
        wait_until(both_answer, "an answer of both workers")
    return found


def test_an_index_is_built_by_the_graph_worker_whoever_asks_while_the_main_worker_reads_documents(
    cluster: Cluster, service: Caller, model: StandIn, home: Path
) -> None:
    service.collection("pears")
    environment = {**own_environment(), "FILEINTEL_HOME": str(home)}
    there = CommandLine({**environment, "FILEINTEL_API_URL": cluster.url, "FILEINTEL_API_KEY": KEY})
    with cluster.celery() as app, watched(app) as nodes:
        model.pause()
        command = there.start("graphrag", "index", BY_COMMAND, "--wait")
        by_http = service.ok("POST", "/graphrag/index", 202, json={"collection_id": BY_HTTP})["task_id"]
        by_celery = delay(app, build_graphrag_index_task, collection_id=BY_CELERY, force_rebuild=False)

        def runs() -> list[dict[str, Any]]:
            newest = [service.pages("/tasks", 10, collection=name) for name in (BY_HTTP, BY_CELERY, BY_COMMAND)]
            return [run for (run, *_) in filter(None, newest) if run["state"] == "running"]

        wait_for(lambda: len(runs()) == 3, "three runs at work", PATIENCE)
        document = service.upload("pears", PEAR)["task_id"]
        service.wait(document)
        at_work = runs()
        assert len(at_work) == 3
        for run in at_work:
            host, process, *_ = run["owner"].split("/")
            assert (host, int(process)) == (socket.gethostname(), cluster.workers[GRAPH].process.pid)
        model.resume()
        service.wait(by_http)
        assert by_celery.get(timeout=PATIENCE)["state"] == "succeeded"
        _, said = command.communicate(timeout=PATIENCE)
        assert command.returncode == 0
        by_command = service.pages("/tasks", 10, collection=BY_COMMAND)[0]["id"]
        assert by_command in said.splitlines()[0]
        wait_for(lambda: {document, by_http, by_celery.id, by_command} <= nodes.keys(), "the events of all tasks")
    assert nodes[document].startswith("main_prefork@")
    for task in (by_http, by_celery.id, by_command):
        assert nodes[task].startswith("graphrag_gevent@")


def test_fifty_reports_are_asked_for_at_once(service: Caller, model: StandIn) -> None:
    model.gather(REQUESTS_AT_ONCE, "report")  # the run cannot end before so many wait for their answers together
    run = service.wait(service.ok("POST", "/graphrag/index", 202, json={"collection_id": ARCHIPELAGO})["task_id"])
    assert run["llm"]["failed"] == 0
    assert model.counts().peaks["report"] == REQUESTS_AT_ONCE


def test_a_hundred_runs_at_once_keep_within_the_pool_of_connections(cluster: Cluster, model: StandIn) -> None:
    pool_size = load_settings({}, cluster.environment).storage.pool_size
    most: Counter[str] = Counter()
    model.gather(HELD, "extract")
    with cluster.celery() as app:
        calls = [delay(app, build_graphrag_index_task, collection_id=name) for name in ISLANDS_ALONE[:RUNS_AT_ONCE]]

        def look() -> None:
            nonlocal most
            most |= cluster.connections()
            time.sleep(0.2)  # a look costs as much as a run does in that time

        def at_work() -> bool:
            look()
            return cluster.rows("SELECT count(*) FROM runs WHERE state = 'running'") == [(RUNS_AT_ONCE,)]

        wait_for(at_work, "the start of all runs", PATIENCE)
        model.wait_until(lambda stats: stats.peaks["extract"] == REQUESTS_AT_ONCE)
        wait_for(lambda: not in_transaction(cluster), "a moment without a transaction, while all wait for the model")
        model.resume()

        def over() -> bool:
            look()
            return all(call.ready() for call in calls)

        wait_for(over, "the end of all runs", PATIENCE)
        assert Counter(call.get()["state"] for call in calls) == {"succeeded": RUNS_AT_ONCE}
    assert 0 < most[GRAPH] <= pool_size, most
    children = int(option(services()[MAIN]["command"], "concurrency"))
    assert most[MAIN] <= pool_size * (1 + children), most


def in_transaction(cluster: Cluster) -> bool:
    (row,) = cluster.rows(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
    )
    return bool(row[0])


def test_when_broker_and_database_were_killed_work_goes_on(
    cluster: Cluster, service: Caller, model: StandIn, database_server: DatabaseServer
) -> None:
    model.pause()
    left = service.ok("POST", "/graphrag/index", 202, json={"collection_id": LEFT})["task_id"]
    model.wait_until(lambda stats: stats.in_flight >= 1)
    cluster.broker.stop()
    parts = problem(service.http.get("/readyz"), 503, "not_ready")["parts"]
    assert [part["part"] for part in parts if part["state"] == "failed"] == ["broker"]
    server = keeper.server_pid(str(database_server.home / "postgres"))
    assert server is not None
    kill(server)
    refused = service.http.get("/api/v2/collections")
    problem(refused, 503, "database_unavailable")
    assert int(refused.headers["retry-after"]) > 0
    cluster.broker.start()
    database_server.postgres.join()
    wait_for(lambda: service.http.get("/readyz").status_code == 200, "a ready service")
    model.resume()
    assert service.wait(left)["attempts"] == 1
    service.wait(service.ok("POST", "/graphrag/index", 202, json={"collection_id": LATER})["task_id"])
    service.collection("later")
    service.wait(service.upload("later", PEAR)["task_id"])
    assert len(served(cluster)) == 2
