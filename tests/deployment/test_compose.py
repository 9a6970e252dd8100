"""The compose file: what it needs, what it pins, in which order it starts, how little it may do."""

import re
import tomllib

import pytest
import yaml

from fileintel.config import load_settings
from fileintel.resources import shipped
from tests.deployment.compose import (
    COMPOSE,
    ENV_EXAMPLE,
    REQUIRED,
    ROOT,
    VARIABLE,
    MissingValueError,
    example,
    interpolated,
    of_fileintel,
    option,
    raw,
    services,
)

EXPECTED = {
    "postgres",
    "pgbouncer",
    "redis",
    "migrate",
    "api",
    "celery-worker",
    "celery-graphrag-gevent",
    "flower",
}
SECRET = re.compile(r"PASSWORD|API_KEY$|KEYS$|BASIC_AUTH|SECRET|TOKEN")
SUPERUSER_RESERVED = 3  # connections; PostgreSQL's default
KEPT_FREE = 50  # connections for psql, pg_dump, monitoring


def variables_used() -> set[str]:
    return {found["name"] for found in VARIABLE.finditer(COMPOSE) if found["name"]}


def test_the_services_are_those_that_people_know() -> None:
    assert set(services()) == EXPECTED


def test_every_variable_is_in_the_example_and_no_other() -> None:
    assert variables_used() == set(example())


def test_every_variable_in_the_example_has_one_comment_above_it() -> None:
    lines = ENV_EXAMPLE.splitlines()
    for number, line in enumerate(lines):
        if line and not line.startswith("#"):
            assert lines[number - 1].startswith("# "), line
            assert lines[number - 2] == "", line


def test_the_defaults_in_the_compose_file_are_those_of_the_example() -> None:
    for found in VARIABLE.finditer(COMPOSE):
        if found["kind"] == "-":
            assert found["rest"] == example()[found["name"]], found[0]


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_it_does_not_start_without_a_required_value(name: str) -> None:
    given = {**example(), **REQUIRED, name: ""}
    with pytest.raises(MissingValueError, match=name):
        interpolated(COMPOSE, given)


def test_the_required_values_are_the_empty_ones_that_have_no_default() -> None:
    insisted = {found["name"] for found in VARIABLE.finditer(COMPOSE) if found["kind"] == "?"}
    assert insisted == set(REQUIRED)
    assert all(example()[name] == "" for name in REQUIRED)


def test_no_secret_is_written_down() -> None:
    for name, service in raw()["services"].items():
        for key, value in (service.get("environment") or {}).items():
            if SECRET.search(key):
                assert VARIABLE.fullmatch(str(value)), f"{name}: {key}"
            without_variables = VARIABLE.sub("", str(value))
            assert not re.search(r"://[^/@]*[^/@:][^/@]*@", without_variables), f"{name}: {key}"
    for key, value in example().items():
        assert not (SECRET.search(key) and value), key


def test_every_image_is_pinned() -> None:
    for name, service in services().items():
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+(\.\d+)?[\w.-]*", service["image"]), name


def test_our_image_carries_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert {service["image"] for service in of_fileintel().values()} == {f"fileintel:{version}"}
    assert f'org.opencontainers.image.version="{version}"' in (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_no_service_can_do_more_than_it_needs(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert str(service["user"]).split(":")[0] not in ("", "0", "root")
    assert service["logging"]["options"]["max-size"]
    assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_who_is_waited_for_is_healthy_or_done(name: str) -> None:
    all_services = services()
    for other, wanted in all_services[name].get("depends_on", {}).items():
        if other == "migrate":
            assert wanted == {"condition": "service_completed_successfully"}
        else:
            assert wanted == {"condition": "service_healthy"}
            assert "test" in all_services[other]["healthcheck"]


def test_the_schema_is_there_before_anything_uses_it() -> None:
    all_services = services()

    def before(name: str) -> set[str]:
        direct = set(all_services[name].get("depends_on", {}))
        return direct.union(*(before(other) for other in direct)) if direct else set()

    assert before("migrate") == {"postgres", "pgbouncer"}
    for name in ("api", "celery-worker", "celery-graphrag-gevent"):
        assert before(name) == {"postgres", "pgbouncer", "migrate", "redis"}
    assert before("flower") == {"redis"}


def test_everything_that_stays_has_a_health_check() -> None:
    for name, service in services().items():
        assert name == "migrate" or service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


def test_the_settings_in_the_environment_are_settings() -> None:
    for name, service in of_fileintel().items():
        environment = {key: str(value) for key, value in service["environment"].items()}
        settings = load_settings({}, environment)
        assert settings.celery.broker_url, name
        assert (settings.storage.url is None) == (name == "flower")
        assert bool(settings.api.keys) == (name == "api")


def test_a_model_on_the_host_is_reached_as_it_is_given() -> None:
    given = {"OPENAI_BASE_URL": "http://host.docker.internal:8000/v1", "FILEINTEL__LLM__MODEL": "qwen3"}
    for name in ("api", "celery-worker", "celery-graphrag-gevent"):
        service = of_fileintel(**given)[name]
        environment = {key: str(value) for key, value in service["environment"].items()}
        endpoint = load_settings({}, environment).chat_endpoint()
        assert (endpoint.base_url, endpoint.model) == tuple(given.values())
        assert "host.docker.internal:host-gateway" in service["extra_hosts"]


def test_every_connection_goes_through_the_pool() -> None:
    pool = services()["pgbouncer"]["environment"]
    for name, service in of_fileintel().items():
        url = service["environment"].get("DATABASE_URL")
        assert name == "flower" or f"@pgbouncer:{pool['LISTEN_PORT']}/" in url
    assert pool["DB_HOST"] == "postgres"
    assert pool["POOL_MODE"] == "transaction"
    assert pool["AUTH_TYPE"] == "scram-sha-256"


def test_the_pools_fit_into_each_other() -> None:
    all_services = services()
    pool = all_services["pgbouncer"]["environment"]
    words = " ".join(all_services["postgres"]["command"])
    most = int(re.search(r"max_connections=(\d+)", words)[1])  # type: ignore[index]
    assert "client_connection_check_interval=1s" in words
    assert pool["DEFAULT_POOL_SIZE"] + pool["RESERVE_POOL_SIZE"] <= pool["MAX_DB_CONNECTIONS"]
    assert pool["MAX_DB_CONNECTIONS"] <= most - SUPERUSER_RESERVED - KEPT_FREE

    pool_size = yaml.safe_load((shipped("config") / "default.yaml").read_text(encoding="utf-8"))["storage"]["pool_size"]
    children = int(option(all_services["celery-worker"]["command"], "concurrency"))
    processes = 1 + (1 + children) + 1  # API; the main worker and its children; the worker with greenlets
    assert processes * pool_size < pool["MAX_CLIENT_CONN"]
    assert pool["MAX_CLIENT_CONN"] + pool["MAX_DB_CONNECTIONS"] < all_services["pgbouncer"]["ulimits"]["nofile"]


def test_memory_and_pool_come_from_the_environment() -> None:
    given = services(
        CELERY_GRAPHRAG_MEMORY_LIMIT="6G",
        CELERY_GRAPHRAG_MEMORY_RESERVATION="1G",
        CELERY_WORKER_POOL="threads",
        CELERY_WORKER_CONCURRENCY="9",
        GEVENT_RESOLVER="thread",
    )
    resources = given["celery-graphrag-gevent"]["deploy"]["resources"]
    assert resources == {"limits": {"memory": "6G"}, "reservations": {"memory": "1G"}}
    assert {"--pool=threads", "--concurrency=9"} <= set(given["celery-worker"]["command"])
    assert given["celery-graphrag-gevent"]["environment"]["GEVENT_RESOLVER"] == "thread"


def test_uploads_are_where_both_the_api_and_its_worker_find_them() -> None:
    all_services = services()
    for name in ("api", "celery-worker"):
        assert "spool:/var/lib/fileintel" in all_services[name]["volumes"]
        assert all_services[name]["environment"]["FILEINTEL_HOME"] == "/var/lib/fileintel"
    assert {"postgres", "redis", "spool"} <= set(raw()["volumes"])


def test_only_the_api_and_flower_are_reached_from_outside() -> None:
    shown = {name: service["ports"] for name, service in services().items() if "ports" in service}
    assert shown == {"api": ["0.0.0.0:8001:8000"], "flower": ["127.0.0.1:5555:5555"]}
    assert raw()["networks"]["data"]["internal"] is True
    assert all(services()[name]["networks"] == ["data"] for name in ("postgres", "pgbouncer", "redis"))


def test_a_stop_waits_for_the_answers_under_way() -> None:
    timeout = yaml.safe_load((shipped("config") / "default.yaml").read_text(encoding="utf-8"))["llm"]["timeout"]
    minutes = re.fullmatch(r"(\d+)m", services()["celery-graphrag-gevent"]["stop_grace_period"])
    assert minutes
    assert int(minutes[1]) * 60 > timeout
