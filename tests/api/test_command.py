"""`fileintel api`: what it refuses, and that nothing in its process is patched."""

import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import Unattended
from tests.api.installation import Installation, Redis, problem
from tests.conftest import short_folder


@pytest.fixture
def bare() -> Iterator[Installation]:
    """An installation without a key, of which nothing runs."""
    home = short_folder()
    yield Installation(home, Redis(home))
    shutil.rmtree(home, ignore_errors=True)


def run(installation: Installation, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "fileintel", *arguments]
    return subprocess.run(
        command,
        env={**installation.environment, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_without_a_key_it_listens_to_this_machine_only(bare: Installation, host: str) -> None:
    refused = run(bare, "api", "--port=0", f"--host={host}")
    assert refused.returncode == 2
    assert re.fullmatch(r"error: .*--insecure\n", refused.stderr)
    assert refused.stdout == ""
    by_setting = run(bare, "--set", f"api.host={host}", "api", "--port=0")
    assert (by_setting.returncode, by_setting.stderr) == (2, refused.stderr)


@pytest.mark.parametrize("options", [{"FILEINTEL__API__KEYS": "k"}, {}])
def test_with_a_key_or_when_told_so_it_listens_to_all(bare: Installation, options: dict[str, str]) -> None:
    arguments = ["--host=0.0.0.0"] + ["--insecure"] * (not options)
    with bare.api(*arguments, **options) as url:
        assert httpx.get(f"{url}/healthz").status_code == 200
        status = httpx.get(f"{url}/api/v2/tasks/x").status_code
        assert status == (401 if options else 404)


def test_without_a_key_web_pages_cannot_use_it(bare: Installation) -> None:
    with bare.api() as url:
        port = httpx.URL(url).port
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
            problem(httpx.get(f"{url}/healthz", headers=headers), 403, "local_only")
        for headers in ({"Host": f"localhost:{port}"}, {"Host": "[::1]"}, {"Origin": url}):
            assert httpx.get(f"{url}/healthz", headers=headers).status_code == 200


def test_without_a_broker_uploads_and_starts_are_503(bare: Installation) -> None:
    environment = {name: value for name, value in bare.environment.items() if name != "CELERY_BROKER_URL"}
    bare.environment = environment
    with bare.api() as url:
        assert httpx.post(f"{url}/api/v2/collections", json={"name": "c"}, timeout=60).status_code == 201
        refused = httpx.post(f"{url}/api/v2/graphrag/index", json={"collection_id": "c"})
        assert "celery.broker_url" in problem(refused, 503, "service_unavailable")["detail"]


def test_a_port_that_is_taken_is_one_line(bare: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = run(bare, "api", f"--port={taken.getsockname()[1]}")
    assert refused.returncode == 69
    assert re.fullmatch(r"error: cannot listen on .*\n", refused.stderr)


def test_its_process_is_not_patched_and_options_reach_it(unattended: Unattended) -> None:
    command = ["from fileintel.api import __main__", "import sys", "print('gevent.monkey' in sys.modules)"]
    found = subprocess.run([sys.executable, "-c", "; ".join(command)], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"
    log_before = set(unattended.home.glob("api-*.log"))
    with unattended.api("--insecure") as url:
        assert httpx.get(f"{url}/healthz").status_code == 200
    (log,) = set(unattended.home.glob("api-*.log")) - log_before
    assert "Traceback" not in Path(log).read_text()
