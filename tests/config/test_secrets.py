"""Secrets get in from files, and never out."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fileintel.config import Endpoint, Settings, load_settings, masked_url
from fileintel.errors import ConfigError

# "@", ":" and "%" belong in no password of a URL, but get there. The beginning occurs in nothing that is printed.
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~!$&*+=:@%^|"
SECRETS = st.text(LETTERS, min_size=8, max_size=60).map("Q7x".__add__)


def everything_shown(settings: Settings) -> str:
    shown = [repr(settings), str(settings), f"{settings}", repr(settings.origins()), json.dumps(settings.snapshot())]
    for section in (settings.llm, settings.embedding, settings.storage, settings.celery, settings.api):
        shown += [repr(section), str(section)]
        shown += [f"{value!r} {value}" for name, value in section if name not in ("base_url", "extra_body")]
    shown += [repr(settings.client), str(settings.client), f"{settings.client.key!r} {settings.client.key}"]
    shown += [repr(settings.chat_endpoint()), repr(settings.embedding_endpoint()), settings.chat_endpoint().shown_url]
    return "\n".join(shown)


@given(st.lists(SECRETS, min_size=9, max_size=9, unique=True))
def test_no_secret_is_ever_shown(secrets: list[str]) -> None:
    chat, embedding, database, broker, backend, server, body, api, client = secrets
    settings = load_settings(
        {
            "home": "/nowhere",
            "llm.api_key": chat,
            "llm.model": "m",
            "llm.base_url": f"http://someone:{server.translate(str.maketrans(':@%', '...'))}@gpu/v1",
            "llm.extra_body": {"api_key": body, "nested": [{"Authorization": body}], "url": f"http://u:{body}@h/"},
            "embedding.api_key": embedding,
            "embedding.model": "e",
            "storage.url": f"postgresql://user:{database}@host/db?password={database.replace('&', '')}",
            "celery.broker_url": f"redis://:{broker}@host:6379/0",
            "celery.result_backend": f"db+postgresql://user:{backend}@host/db",
            "api.keys": [api],
            "client.key": client,
            "client.url": f"https://me:{server.translate(str.maketrans(':@%', '...'))}@service",
        },
        {},
    )
    shown = everything_shown(settings)
    for secret in (*secrets[:5], body, api, client, server.translate(str.maketrans(":@%", "..."))):
        assert secret not in shown
    assert "user" in shown
    assert "host:6379/0" in shown


@given(SECRETS)
def test_a_complaint_does_not_quote_a_secret(secret: str) -> None:
    wrong: tuple[object, ...] = ([[secret]], {"a": secret}, 5)
    for key in ("storage.url", "api.keys", "llm.api_key", "celery.broker_url"):
        for value in (*wrong, f"mysql://u:{secret}@h/d") if key == "storage.url" else wrong:
            with pytest.raises(ConfigError) as caught:
                load_settings({"home": "/nowhere", key: value}, {})
            assert secret not in str(caught.value)


def test_the_values_themselves_are_there_for_those_who_ask() -> None:
    settings = load_settings(
        {"storage.url": "postgres://u:p%40ss@h/d", "api.keys": "one, two"}, {"FILEINTEL_HOME": "/n"}
    )
    assert settings.storage.url is not None
    assert settings.storage.url.get_secret_value() == "postgresql+psycopg2://u:p%40ss@h/d"
    assert [key.get_secret_value() for key in settings.api.keys] == ["one", "two"]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+asyncpg", "POSTGRES"])
def test_any_spelling_of_a_postgresql_url_is_taken(scheme: str) -> None:
    url = load_settings({"home": "/n"}, {"DATABASE_URL": f"{scheme}://u:p@h:5432/d?sslmode=require"}).storage.url
    assert url is not None
    assert url.get_secret_value() == "postgresql+psycopg2://u:p@h:5432/d?sslmode=require"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:pw@h:1/0", "redis://:**********@h:1/0"),
        ("postgresql://u:p@ss/w:rd@h/d", "postgresql://u:**********@h/d"),
        ("postgresql:///d?user=u&password=pw&host=/tmp", "postgresql:///d?user=u&password=**********&host=/tmp"),
        ("http://h:8000/v1?api-key=pw", "http://h:8000/v1?api-key=**********"),
        ("http://h:8000/v1", "http://h:8000/v1"),
        ("redis://h:6379/0", "redis://h:6379/0"),
    ],
)
def test_only_the_password_of_a_url_is_masked(url: str, shown: str) -> None:
    assert masked_url(url) == shown


@pytest.mark.parametrize(
    ("variable", "key"),
    [
        ("OPENAI_API_KEY", "llm.api_key"),
        ("GRAPHRAG_API_KEY", "llm.api_key"),
        ("FILEINTEL_API_KEY", "client.key"),
        ("DATABASE_URL", "storage.url"),
        ("CELERY_BROKER_URL", "celery.broker_url"),
        ("CELERY_RESULT_BACKEND", "celery.result_backend"),
        ("FILEINTEL__LLM__API_KEY", "llm.api_key"),
        ("FILEINTEL__EMBEDDING__API_KEY", "embedding.api_key"),
        ("FILEINTEL__STORAGE__URL", "storage.url"),
    ],
)
def test_every_secret_may_be_in_a_file(tmp_path: Path, variable: str, key: str) -> None:
    secret = "postgresql+psycopg2://u:p@h/d"
    (tmp_path / "secret").write_text(f"{secret}\n", encoding="utf-8")
    environ = {"FILEINTEL_HOME": str(tmp_path), f"{variable}_FILE": str(tmp_path / "secret")}
    settings = load_settings({}, environ)
    section, name = key.split(".")
    assert getattr(getattr(settings, section), name).get_secret_value() == secret
    assert [each.origin for each in settings.origins() if each.key == key] == [f"environment {variable}_FILE"]

    with pytest.raises(ConfigError, match=f"{variable} and {variable}_FILE are both set"):
        load_settings({}, {**environ, variable: secret})


def test_a_file_of_api_keys_has_one_on_each_line(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("one\ntwo\n\n", encoding="utf-8")
    settings = load_settings({}, {"FILEINTEL_HOME": "/n", "FILEINTEL__API__KEYS_FILE": str(tmp_path / "keys")})
    assert [key.get_secret_value() for key in settings.api.keys] == ["one", "two"]


def test_a_secret_file_that_is_missing_or_empty_is_an_error(tmp_path: Path) -> None:
    variable = "FILEINTEL__API__KEYS_FILE"
    with pytest.raises(ConfigError, match=f"{variable}: cannot read .*: No such file"):
        load_settings({}, {"FILEINTEL_HOME": "/n", variable: str(tmp_path / "none")})
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=f"{variable}: .* is empty"):
        load_settings({}, {"FILEINTEL_HOME": "/n", variable: str(tmp_path / "empty")})


def test_only_secrets_are_read_from_files() -> None:
    with pytest.raises(ConfigError, match="only secrets are read from files"):
        load_settings({}, {"FILEINTEL_HOME": "/n", "FILEINTEL__LLM__MODEL_FILE": "/etc/hostname"})


def test_what_should_be_a_url_and_is_none_is_masked_whole() -> None:
    settings = load_settings({"home": "/n", "celery.broker_url": "hunter2"}, {})
    assert "hunter2" not in everything_shown(settings)


def test_an_endpoint_shows_neither_key_nor_password() -> None:
    shown = repr(Endpoint("http://u:hunter2@h/v1", "hunter2", "m"))
    assert "hunter2" not in shown
    assert "http://u:**********@h/v1" in shown
