"""docs/operations.md names only what there is."""

import re
from itertools import takewhile

import typer
import yaml

from fileintel.cli.main import app
from tests.deployment.compose import COMPOSE, ROOT, of_fileintel, option, services

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
WORKERS = ("celery-worker", "celery-graphrag-gevent")
WORD = re.compile(r"[a-z][a-z-]+")


def fenced() -> str:
    return "\n".join(re.findall(r"```\w*\n(.*?)```", PAGE.replace("   ```", "```"), re.DOTALL))


def commands_of_fileintel() -> set[tuple[str, ...]]:
    """The words behind `fileintel` that start each of its commands on the page."""
    code = fenced() + "\n" + "\n".join(re.findall(r"`([^`\n]+)`", PAGE))
    calls = [line.split() for line in re.findall(r"(?:^|bin/|exec api )fileintel (.+)$", code, re.MULTILINE)]
    return {tuple(takewhile(WORD.fullmatch, call)) for call in calls}


def test_its_commands_exist() -> None:
    known = typer.main.get_command(app)
    assert commands_of_fileintel()
    for words in commands_of_fileintel():
        group = known
        for word in words:
            commands = getattr(group, "commands", None)
            if commands is None:
                break  # the rest are arguments
            assert word in commands, words
            group = commands[word]


def test_its_services_are_those_of_the_compose_file() -> None:
    named = re.findall(r"docker compose (?:exec|logs|stop)((?: -T)?(?: [a-z][a-z-]+)+)", PAGE)
    assert named
    for line in named:
        words = line.replace(" -T", "").split()
        assert words[0] in services(), line


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", PAGE):
        assert (ROOT / "docs" / target).exists(), target


def test_its_workers_are_started_like_those_of_the_compose_file() -> None:
    page = PAGE.replace("\\\n    ", "").replace("%%h", "%h")
    for name in ("celery-worker", "celery-graphrag-gevent"):
        command = " ".join(of_fileintel()[name]["command"])
        assert f"/{command}" in page, name
        assert option(of_fileintel()[name]["command"], "hostname") in page


def test_its_ways_to_do_without_gevent_leave_no_queue_alone() -> None:
    overrides = [yaml.safe_load(block)["services"] for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
    assert len(overrides) == 2
    every_queue = {queue for name in WORKERS for queue in option(of_fileintel()[name]["command"], "queues").split(",")}
    for override in overrides:
        served: list[str] = []
        for name, one in of_fileintel().items():
            changed = override.get(name, {})
            if name in WORKERS and changed.get("deploy", {}).get("replicas") != 0:
                command = changed.get("command", one["command"])
                assert command[:4] == one["command"][:4]
                assert option(command, "hostname") == option(one["command"], "hostname")
                assert option(command, "pool") != "gevent"
                served += option(command, "queues").split(",")
        assert sorted(served) == sorted(every_queue)


def test_its_numbers_are_those_of_the_compose_file() -> None:
    pool = services()["pgbouncer"]["environment"]
    assert f"takes {pool['MAX_CLIENT_CONN']} (`MAX_CLIENT_CONN`)" in PAGE
    assert f"It has {pool['DEFAULT_POOL_SIZE']} to PostgreSQL, {pool['RESERVE_POOL_SIZE']} more" in PAGE
    assert f"never more than {pool['MAX_DB_CONNECTIONS']} (`MAX_DB_CONNECTIONS`)" in PAGE
    assert "max_connections=300" in COMPOSE
    assert "PostgreSQL takes 300 (`max_connections`)" in PAGE
