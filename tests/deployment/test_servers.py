"""The options given to PostgreSQL, PgBouncer and Redis are options that these programs know."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from fileintel.local.server import find_programs
from tests.cluster.servers import PgBouncer
from tests.conftest import short_folder
from tests.deployment.compose import services

NOT_IN_THE_FILE = ("DB_HOST", "DB_USER", "DB_PASSWORD", "DB_NAME")  # variables of the image, not options of PgBouncer


def program(name: str) -> Path:
    """The program beside our Python or in the path; the test is skipped where there is none."""
    found = shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return Path(found)


def health(service: str, programs: Path, words: str, instead: str, **environment: str) -> int:
    """The exit code of a service's health check, for a server that is reached in another way than in its container."""
    kind, command = services()[service]["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    assert words in command
    path = f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return subprocess.run(
        ["sh", "-c", command.replace(words, instead)],
        env={"PATH": path, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=60,
        check=False,
    ).returncode


def test_the_health_of_postgresql_is_seen_and_that_through_pgbouncer(server_url: str) -> None:
    url = make_url(server_url)
    host = "--host=127.0.0.1"
    who = {"POSTGRES_USER": str(url.username), "POSTGRES_DB": str(url.database)}
    assert health("postgres", find_programs(), host, f"--host={url.query['host']}", **who) == 0
    assert health("postgres", find_programs(), host, f"--host={url.query['host']}/none", **who) != 0
    folder = short_folder()
    try:
        pooler = PgBouncer(folder, url)
        pooler.start()
        there, ours = f"{host} --port=6432", f"{host} --port={pooler.port}"
        login = {"DB_USER": str(url.username), "DB_PASSWORD": "any", "DB_NAME": str(url.database)}
        assert health("pgbouncer", find_programs(), there, ours, **login) == 0
        assert health("pgbouncer", find_programs(), there, ours, **{**login, "DB_NAME": "none"}) != 0
        pooler.stop()
    finally:
        shutil.rmtree(folder)


def test_postgresql_knows_its_options() -> None:
    postgres = find_programs() / "postgres"
    listing = subprocess.run([postgres, "--describe-config"], capture_output=True, text=True, timeout=60, check=True)
    known = {line.split("\t")[0] for line in listing.stdout.splitlines()}
    command = services()["postgres"]["command"]
    options = [word.partition("=")[0] for flag, word in pairwise(command) if flag == "-c"]
    assert options
    assert set(options) <= known


def test_redis_knows_its_options(tmp_path: Path) -> None:
    server, client = program("redis-server"), program("redis-cli")
    command = services()["redis"]["command"]
    assert command[0] == "redis-server"
    place = tmp_path / "s"
    arguments = [server, *command[1:], "--port", "0", "--unixsocket", place, "--dir", tmp_path]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        try:
            assert wait_for(lambda: place.exists() or running.poll() is not None)
            assert running.poll() is None, running.stdout
            wanted = dict(zip(command[1::2], command[2::2], strict=True))
            assert wanted == {"--appendonly": "yes", "--maxmemory": "1gb", "--maxmemory-policy": "noeviction"}
            assert health("redis", client.parent, "redis-cli", f"redis-cli -s {place}") == 0
            assert health("redis", client.parent, "redis-cli", f"redis-cli -s {place}.none") != 0
            ask = [client, "-s", place, "CONFIG", "GET", "maxmemory-policy"]
            answer = subprocess.run(ask, capture_output=True, text=True, timeout=30, check=True)
            assert answer.stdout.split() == ["maxmemory-policy", "noeviction"]
        finally:
            running.terminate()


def test_pgbouncer_knows_its_options(tmp_path: Path) -> None:
    pgbouncer = program("pgbouncer")
    environment = services()["pgbouncer"]["environment"]
    options = {name.lower(): value for name, value in environment.items() if name not in NOT_IN_THE_FILE}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        options |= {"listen_addr": "127.0.0.1", "listen_port": probe.getsockname()[1], "unix_socket_dir": ""}
    if os.geteuid() == 0:
        options["user"] = "nobody"  # it refuses to run as root
    lines = ["[databases]", "fileintel = host=127.0.0.1", "[pgbouncer]"]
    lines += [f"{name} = {value}" for name, value in options.items()]
    configuration, log = tmp_path / "pgbouncer.ini", tmp_path / "log"
    configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with log.open("w") as output, subprocess.Popen([pgbouncer, configuration], stderr=output) as running:
        wait_for(lambda: running.poll() is not None or "process up" in log.read_text(encoding="utf-8"))
        running.kill()
    said = log.read_text(encoding="utf-8")
    assert "process up" in said, said
    assert not [line for line in said.splitlines() if " ERROR " in line or " WARNING " in line], said


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False
