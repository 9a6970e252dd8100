"""`fileintel api`: what it refuses, and that nothing in its process is patched."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from fileintel.api.addresses import is_loopback
from tests.api.conftest import Unattended
from tests.api.installation import Installation, Redis, problem, remove
from tests.conftest import short_folder


@pytest.fixture
def bare() -> Iterator[Installation]:
    """An installation without a key, of which nothing runs."""
    home = short_folder()
    yield Installation(home, Redis(home))
    remove(home)


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


@pytest.mark.parametrize("arguments", [("api", "--host=0.0.0.0"), ("--set", "api.host=0.0.0.0", "api")])
def test_without_a_key_it_listens_to_this_machine_only(bare: Installation, arguments: tuple[str, ...]) -> None:
    refused = run(bare, *arguments)
    assert refused.returncode == 2
    assert re.fullmatch(r"error: .*--insecure\n", refused.stderr)
    assert refused.stdout == ""


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.1", False),
        ("localhost.example.org", False),
        ("127.0.0.1.example.org", False),
        ("", False),
    ],
)
def test_only_loopback_addresses_count_as_this_machine(host: str, local: bool) -> None:
    assert is_loopback(host) is local


def test_with_a_key_or_when_told_so_it_listens_to_all(bare: Installation) -> None:
    with bare.api("--host=0.0.0.0", "--insecure") as url:
        assert httpx.get(f"{url}/healthz", headers={"Host": "any.example"}).status_code == 200
    command = ("fileintel", "--set", "api.keys=k", "api")
    with bare.api("--host=0.0.0.0", command=command) as url:
        assert httpx.get(f"{url}/healthz", headers={"Host": "any.example"}).status_code == 200
        problem(httpx.get(f"{url}/api/v2/tasks/x"), 401, "unauthorized")


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


def test_greenlets_are_not_even_loaded_in_its_process() -> None:
    command = "import sys; from fileintel.api import __main__, application; print('gevent' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


def test_answers_are_not_held_back_for_acknowledgements(unattended: Unattended) -> None:
    address = urlsplit(unattended.url)
    assert address.hostname
    request = f"GET /healthz HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode()
    seconds = []
    with socket.create_connection((address.hostname, address.port or 0)) as connection:
        for _ in range(30):
            started = time.perf_counter()
            connection.sendall(request)
            answer = b""
            while not answer.endswith(b'{"status":"alive"}'):
                answer += connection.recv(4096)
            seconds.append(time.perf_counter() - started)
    assert sorted(seconds)[15] < 0.03  # Nagle's algorithm and delayed acknowledgements together take 0.04
