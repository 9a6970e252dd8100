"""Commands that speak to a service: what is theirs alone, such as waiting through a restart of the API."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_server
from threading import Thread

import pytest

from fileintel import queues
from tests.api.installation import KEY, READY, Process
from tests.conftest import SAMPLES, CommandLine, Finished
from tests.documents.pdf_writer import write_pdf
from tests.standin import StandIn
from tests.standin.settings import Fault

from .conftest import COLLECTION, DOCUMENTS, Twins, speaking_to
from .test_bad_input import one_line_of
from .watching import Watched

TASK = re.compile(r"task ([0-9a-f-]{36})\n")
CELERY = """
import os, sys
os.execve = lambda path, words, environment: print(words[2:], environment["FILEINTEL__GRAPHRAG__CONCURRENCY"])
from fileintel.cli.main import app
app(sys.argv[1:], standalone_mode=False)
"""


@pytest.fixture
def there(twins: Twins, model_server: StandIn) -> CommandLine:
    """A command line that speaks to the service; its model server is as new."""
    return twins.there


@pytest.fixture
def waits(there: CommandLine, model_server: StandIn) -> Iterator[Watched]:
    """`graphrag index --wait` for a run that waits for the model."""
    model_server.pause(after=1, purpose="extract")
    watched = Watched(there.start("graphrag", "index", COLLECTION, "--fresh", "--wait", "--cancel-on-interrupt"))
    yield watched
    model_server.resume()
    watched.process.send_signal(signal.SIGINT)
    watched.end()


@contextmanager
def api_at(twins: Twins, port: int) -> Iterator[str]:
    with twins.installation.api(f"--port={port}") as url:
        yield url


def free_port() -> int:
    with closing(create_server(("127.0.0.1", 0))) as free:
        return int(free.getsockname()[1])


def task_of(err: str) -> str:
    found = TASK.search(err)
    assert found is not None, err
    return found.group(1)


def test_a_run_is_followed_to_its_end_and_its_card_is_printed(twins: Twins, there: CommandLine) -> None:
    built = there("graphrag", "index", COLLECTION, "--force", "--wait")
    assert built.err.startswith("task ")
    assert "publish: 1/1 done" in built.err
    assert re.match(f"collection {COLLECTION}: succeeded, index version \\d+\n", built.out)
    assert "level 0: " in built.out
    again = there("graphrag", "index", COLLECTION, "--wait", "--quiet")
    assert again.err == ""
    assert again.out == twins.here("graphrag", "index", COLLECTION, "--quiet").out
    assert there("tasks", "show", task_of(built.err), "--json").json["owner"] is None


def test_without_wait_the_task_is_named_and_can_be_waited_for(there: CommandLine) -> None:
    handed = there("graphrag", "index", COLLECTION)
    task = handed.out.strip()
    assert handed.err == f"`fileintel tasks wait {task}` follows it\n"
    ended = there("tasks", "wait", task)
    assert ended.out == f"{task}: succeeded\n"
    assert "state: queued" in ended.err
    assert there("graphrag", "rebuild", COLLECTION, "--json").json["task_id"]


def test_waiting_outlives_a_restart_of_the_api(twins: Twins, model_server: StandIn, home: Path) -> None:
    port = free_port()
    model_server.pause(after=1, purpose="extract")
    with api_at(twins, port) as url:
        there = speaking_to(url, home)
        watched = Watched(there.start("graphrag", "index", COLLECTION, "--fresh", "--wait", "--json"))
        watched.wait_for("task ")
        model_server.wait_until(lambda stats: stats.in_flight > 1)
    watched.wait_for("is lost; the task goes on, trying again")
    with api_at(twins, port):
        model_server.resume()
        code, out, err = watched.end()
    assert (code, json.loads(out)["state"]) == (0, "succeeded")
    assert json.loads(out)["run_id"] == task_of(err)
    assert err.count("is lost") == 1


def test_ctrl_c_detaches_and_the_run_goes_on(there: CommandLine, model_server: StandIn) -> None:
    model_server.pause(after=1, purpose="extract")
    watched = Watched(there.start("graphrag", "index", COLLECTION, "--fresh", "--wait"))
    watched.wait_for("task ")
    task = task_of(watched.err)
    model_server.wait_until(lambda stats: stats.in_flight > 1)
    busy = one_line_of(there("graphrag", "index", COLLECTION, check=1))
    assert f"`fileintel tasks wait {task}`" in busy
    watched.process.send_signal(signal.SIGINT)
    code, out, err = watched.end()
    assert (code, out) == (130, "")
    assert err.endswith(f"detached; the task goes on: `fileintel tasks wait {task}` follows it\n")
    model_server.resume()
    assert there("tasks", "wait", task, "-q").out == f"{task}: succeeded\n"


def test_ctrl_c_cancels_where_that_was_asked_for(there: CommandLine, waits: Watched, model_server: StandIn) -> None:
    model_server.wait_until(lambda stats: stats.in_flight > 1)
    waits.process.send_signal(signal.SIGINT)
    waits.wait_for("cancelling")
    model_server.resume()
    code, out, err = waits.end()
    assert (code, out) == (4, "")
    assert err.endswith("error: the run was cancelled; its answers are kept\n")
    assert there("tasks", "show", task_of(err), "--json").json["state"] == "cancelled"


def test_a_run_ends_a_command_as_it_does_without_a_service(
    twins: Twins, there: CommandLine, model_server: StandIn
) -> None:
    index = ("graphrag", "index", COLLECTION, "--wait", "--quiet")
    model_server.configure(faults=[Fault("unauthorized")])
    ends = [one(*index, "--fresh", check=1) for one in (twins.here, there)]
    assert ends[0] == ends[1]
    model_server.configure(faults=[Fault("context_length", purpose="report", share=0.2)])
    assert "succeeded_with_gaps" in there(*index, "--fresh", check=3).out
    model_server.configure(faults=[])
    assert there(*index).out.startswith(f"collection {COLLECTION}: succeeded,")


def test_files_go_up_and_what_became_of_each_is_told_as_without_a_service(
    twins: Twins, there: CommandLine, tmp_path: Path
) -> None:
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    (folder / DOCUMENTS[0]).write_bytes((SAMPLES / DOCUMENTS[0]).read_bytes())
    (folder / 'so "quoted"; ü.md').write_text("Ann met Ben.")
    (tmp_path / "b\xfcr\udcfco.txt").write_text("Karen met Nils.")
    (tmp_path / "empty.txt").touch()
    (tmp_path / "locked.pdf").write_bytes(write_pdf(["A page."], user_password="secret"))
    (tmp_path / "table.csv").write_text("a,b\n")
    paths = (tmp_path, tmp_path / "*.txt", tmp_path / "table.csv", tmp_path / "deep" / "**" / "*.md")

    def added(one: CommandLine, *options: str) -> Finished:
        name = f"c-{len(one('collections', 'list', '--json').json)}"
        one("collections", "create", name)
        first = one("documents", "add", name, *paths, check=1)
        again = one("documents", "add", name, *paths, *options, check=1)
        text = [(row["name"], row["pages"]) for row in one("documents", "list", name, "--json").json]
        return Finished(0, f"{first.out}{again.out}{text}", f"{first.err}{again.err}")

    assert added(there) == added(twins.here)
    assert not list((twins.installation.home / "spool").rglob("*.txt"))


def test_a_file_that_is_too_large_does_not_stop_the_others(there: CommandLine, twins: Twins, tmp_path: Path) -> None:
    (tmp_path / "large.txt").write_bytes(b"Ann met Ben.\n" * 100_000)
    (tmp_path / "small.txt").write_bytes(b"Ann met Ben.\n")
    with twins.installation.api(FILEINTEL__DOCUMENTS__MAX_FILE_MB="1") as url:
        one = speaking_to(url, tmp_path)
        one("collections", "create", "large")
        told = one("documents", "add", "large", tmp_path, "--json", check=1)
    large, small = told.json
    assert large["problem"].startswith(f"{tmp_path / 'large.txt'} is too large")
    assert small["document"]["name"] == "small.txt"


def test_a_service_that_cannot_be_spoken_to_is_told_in_one_line(twins: Twins, home: Path) -> None:
    listing = ("collections", "list")
    url = f"http://127.0.0.1:{free_port()}"
    assert url in one_line_of(speaking_to(url, home)(*listing, check=69))
    there = twins.there
    assert "FILEINTEL_API_KEY" in one_line_of(there(*listing, check=2, FILEINTEL_API_KEY="wrong"))
    assert "FILEINTEL_API_KEY" in one_line_of(there(*listing, check=2, FILEINTEL_API_KEY=""))
    assert "client.url" in one_line_of(there(*listing, check=2, FILEINTEL_API_URL="localhost:8001"))
    assert "chunking.size" in one_line_of(there("--set", "chunking.size=9", *listing, check=2))
    with stranger() as url:
        assert url in one_line_of(there(*listing, check=69, FILEINTEL_API_URL=url))


def test_the_key_may_be_in_a_file_and_the_url_may_name_the_api(twins: Twins, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    environment = {**twins.there.environment, "FILEINTEL_API_KEY": "", "FILEINTEL_API_KEY_FILE": str(tmp_path / "key")}
    there = CommandLine(environment)
    assert there("collections", "list", FILEINTEL_API_URL=f"{twins.installation.url}/api/v2/").out
    shown = there("config", "show").out
    assert "client.key" in shown
    assert KEY not in shown


def test_a_broker_that_is_away_is_unavailable(twins: Twins, home: Path) -> None:
    with twins.installation.api(CELERY_BROKER_URL="redis://127.0.0.1:9/0") as url:
        there = speaking_to(url, home)
        assert "broker" in one_line_of(there("graphrag", "index", COLLECTION, "--force", check=69))
        parts = there("graphrag", "system-status", "--json", check=69).json
    assert {part["part"] for part in parts if part["state"] == "failed"} == {"broker", "workers"}


@pytest.mark.parametrize(
    ("words", "kind"), [("graph --concurrency=7", queues.GRAPH_WORKER), ("main --pool=threads", queues.MAIN_WORKER)]
)
def test_workers_are_started_with_the_plain_command_line_of_celery(words: str, kind: queues.WorkerKind) -> None:
    environment = {"CELERY_BROKER_URL": "redis://nowhere", "FILEINTEL_HOME": "/nowhere", "PATH": "/usr/bin"}
    command = [sys.executable, "-c", CELERY, "--set", "graphrag.concurrency=3", "worker", *words.split(), "--", "-E"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith(" 3")
    given = json.loads(done.stdout.rpartition("]")[0].replace("'", '"') + "]")
    assert given[: len(queues.CELERY)] == list(queues.CELERY)
    pool = "threads" if "threads" in words else kind.pool
    concurrency = 7 if "7" in words else kind.concurrency
    assert set(kind.options(pool, concurrency)) < set(given)
    assert given[-1] == "-E"


def test_a_worker_without_a_broker_is_refused(home: Path) -> None:
    lonely = speaking_to("http://127.0.0.1:9", home)
    assert "CELERY_BROKER_URL" in one_line_of(lonely("worker", "graph", check=69))


def test_a_worker_that_was_started_by_the_command_works(twins: Twins) -> None:
    installation = twins.installation
    command = [*CommandLine.command("worker", "main"), "--pool=solo", "--", "--without-mingle", "--without-gossip"]
    with Process(command, installation.environment, installation.home / "solo.log") as worker:
        worker.wait_for_output(READY)
        assert "main_solo@" in worker.output()


@contextmanager
def stranger() -> Iterator[str]:
    """A web server that knows nothing of FileIntel."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>Welcome to nginx!</html>")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
