"""docs/http-api.md: every example runs, and every route has one."""

import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fileintel.api import application
from fileintel.errors import FileIntelError
from tests.api.installation import KEY, Caller, Installation

assert application  # with it come all errors that it answers with

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "docs" / "http-api.md").read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.skipif(shutil.which("curl") is None, reason="the examples are written for curl")
def test_every_example_works_and_every_route_has_one(attended: Installation, service: Caller, tmp_path: Path) -> None:
    service.http.delete("/api/v2/collections/thesis")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    first, *examples = BLOCKS
    preparation = re.sub(r"API=\S+ KEY=\S+", f"API={attended.url}/api/v2 KEY={KEY}", first)
    called: set[tuple[str, str]] = set()
    task = ""
    for example in examples:
        script = f"{preparation}TASK={task}\nset -x\n{example}"
        done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
        steers = re.search(r"/(cancel|pause|resume|retry)$", example, re.MULTILINE)
        is_over = steers and re.search('"code":"(conflict|nothing_to_retry)"', done.stdout)
        assert done.returncode == 0 or is_over, (example, done.stdout, done.stderr)
        called.add(call_of(done.stderr))
        if '"task_id"' in done.stdout:
            task = re.findall(r'"task_id":"([^"]+)"', done.stdout)[0]
            service.wait(task)
    assert (tmp_path / "graph.zip").stat().st_size > 0
    document = service.http.get("/openapi.json").json()
    routes = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if not operation.get("deprecated")  # a former path
    }
    missing = [(method, path) for method, path in routes if not any(fits(path, method, call) for call in called)]
    assert not missing


def test_every_code_of_a_problem_is_in_the_table_of_its_status() -> None:
    page = (ROOT / "docs" / "http-api.md").read_text()
    rows = re.findall(r"^\| (\d{3}(?:, \d{3})*) \| (.*) \|$", page, re.MULTILINE)
    told = {(int(status), code) for statuses, text in rows for status in statuses.split(", ") for code in CODE(text)}
    ours = {(one.http_status, one.code) for one in kinds_of_errors(FileIntelError) if one.__module__ in SEEN_BY_CALLERS}
    ours |= {(400, "invalid_json"), (400, "bad_request"), (403, "local_only"), (500, "internal")}
    assert not {(status, code) for status, code in ours if (status, code) not in told}


CODE = re.compile(r"`([a-z_]+)`").findall
SEEN_BY_CALLERS = {
    "fileintel.errors",
    "fileintel.api.problems",
    "fileintel.graphrag.query.modes",
    "fileintel.operations.paging",
    "fileintel.runs.active_run",
    "fileintel.runs.index_request",
    "fileintel.runs.submission",
}
# what a task ends with stands in the task, and the rest are their bases
OF_TASKS = {"failed", "run_failed", "run_cancelled", "budget_reached", "lease_lost"}


def kinds_of_errors(base: type[FileIntelError]) -> set[type[FileIntelError]]:
    below = set(base.__subclasses__())
    return {one for one in below.union(*map(kinds_of_errors, below)) if one.code not in OF_TASKS}


def call_of(trace: str) -> tuple[str, str]:
    """Method and path of the one curl command that a shell has traced."""
    (command,) = re.findall(r"^\+ curl (.*)$", trace, re.MULTILINE)
    url = re.findall(r"http://[^\s']+", command)[0]
    given = re.findall(r"--request (\w+)", command)
    posts = "--json" in command or "--form" in command
    return (given[0] if given else "POST" if posts else "GET"), urlsplit(url).path


def fits(route: str, method: str, call: tuple[str, str]) -> bool:
    return call[0] == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route), call[1]) is not None
