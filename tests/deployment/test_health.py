"""The health checks that are Python one-liners, run against a server."""

import http.server
import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.deployment.compose import DOCKERFILE, services

CHECKED = {"api": ("8000", "/healthz"), "flower": ("5555", "/healthcheck")}


def one_liner(name: str) -> str:
    kind, python, flag, code = services()[name]["healthcheck"]["test"]
    assert (kind, python, flag) == ("CMD", "python", "-c")
    return str(code)


def exit_code(name: str, port: int) -> int:
    code = one_liner(name)
    assert code.count(CHECKED[name][0]) == 1
    command = [sys.executable, "-c", code.replace(CHECKED[name][0], str(port))]
    # a proxy for the outside world must not be asked for our own address
    environment = {"http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}
    return subprocess.run(command, env=environment, stderr=subprocess.DEVNULL, timeout=30, check=False).returncode


@contextmanager
def server(path: str, status: int) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == path else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield listening.server_port
        listening.shutdown()


@pytest.mark.parametrize("name", sorted(CHECKED))
def test_a_server_that_answers_is_healthy(name: str) -> None:
    with server(CHECKED[name][1], 200) as port:
        assert exit_code(name, port) == 0


@pytest.mark.parametrize("name", sorted(CHECKED))
def test_a_server_in_trouble_is_not(name: str) -> None:
    with server(CHECKED[name][1], 503) as port:
        assert exit_code(name, port) == 1


@pytest.mark.parametrize("name", sorted(CHECKED))
def test_nobody_there_is_not_healthy(name: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert exit_code(name, unused.getsockname()[1]) == 1


@pytest.mark.parametrize("name", sorted(CHECKED))
def test_the_port_that_is_checked_is_the_one_that_is_shown(name: str) -> None:
    assert services()[name]["ports"][0].endswith(f":{CHECKED[name][0]}")


def test_the_image_checks_the_api_in_the_same_way() -> None:
    found = re.search(r"HEALTHCHECK .*\\\n\s+CMD (\[.*\])", DOCKERFILE)
    assert found
    assert json.loads(found[1]) == ["python", "-c", one_liner("api")]
