"""Where a setting's value comes from, and what is said about one that cannot be meant."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fileintel.config import Settings, load_settings
from fileintel.config.sources import DATA_FOLDER, keys_of
from fileintel.errors import ConfigError
from fileintel.resources import shipped

KEYS = keys_of(Settings)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def written(folder: Path, text: str, name: str = "config.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def load(
    home: Path, environ: Mapping[str, str] | None = None, overrides: Mapping[str, object] | None = None
) -> Settings:
    return load_settings(overrides, {"FILEINTEL_HOME": str(home), **(environ or {})})


def complaint(
    home: Path, environ: Mapping[str, str] | None = None, overrides: Mapping[str, object] | None = None
) -> str:
    with pytest.raises(ConfigError) as caught:
        load(home, environ, overrides)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    message = str(caught.value)
    assert "\n" not in message
    assert "pydantic" not in message.lower()
    return message


def origin_of(settings: Settings, key: str) -> str:
    return next(setting.origin for setting in settings.origins() if setting.key == key)


def test_every_setting_has_a_default_in_the_shipped_file_and_no_other_is_there(home: Path) -> None:
    settings = load(home)
    in_the_file = [setting.key for setting in settings.origins() if setting.origin == "config/default.yaml"]
    assert ["home", *in_the_file] == list(KEYS)


def test_every_line_of_the_shipped_file_says_what_it_is(home: Path) -> None:
    lines = (shipped("config") / "default.yaml").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if ":" in line and "#" not in line and not line.endswith(":")] == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("log_level", "INFO"),
        ("llm.temperature", 0.0),
        ("llm.timeout", 600.0),
        ("embedding.batch_tokens", 32000),
        ("chunking.size", 1200),
        ("graphrag.concurrency", 50),
        ("graphrag.seed", 0xDEADBEEF),
        ("graphrag.entity_types", ["organization", "person", "geo", "event"]),
        ("query.response_type", "multiple paragraphs"),
        ("storage.url", None),
        ("api.host", "127.0.0.1"),
        ("api.keys", []),
    ],
)
def test_the_defaults_are_the_documented_ones(home: Path, key: str, value: object) -> None:
    assert {setting.key: setting.value for setting in load(home).origins()}[key] == value


SOURCES = ("file", "environment", "command line")


@given(st.dictionaries(st.sampled_from(SOURCES), st.integers(1, 1000)))
def test_the_strongest_source_wins_and_is_named(
    tmp_path_factory: pytest.TempPathFactory, given: dict[str, int]
) -> None:
    home = tmp_path_factory.mktemp("home")
    if "file" in given:
        written(home, f"graphrag:\n  concurrency: {given['file']}\n")
    environ = {"FILEINTEL__GRAPHRAG__CONCURRENCY": str(given["environment"])} if "environment" in given else {}
    overrides = {"graphrag.concurrency": str(given["command line"])} if "command line" in given else {}

    settings = load(home, environ, overrides)

    strongest = next((source for source in reversed(SOURCES) if source in given), None)
    assert settings.graphrag.concurrency == (given[strongest] if strongest else 50)
    assert (
        origin_of(settings, "graphrag.concurrency")
        == {
            None: "config/default.yaml",
            "file": f"{home / 'config.yaml'}, line 2",
            "environment": "environment FILEINTEL__GRAPHRAG__CONCURRENCY",
            "command line": "command line",
        }[strongest]
    )


def test_a_file_named_by_the_environment_is_read_instead_of_the_one_at_home(home: Path, tmp_path: Path) -> None:
    written(home, "log_level: ERROR")
    named = written(tmp_path, "chunking:\n  size: 600\n", "mine.yaml")
    settings = load(home, {"FILEINTEL_CONFIG": str(named)})
    assert (settings.log_level, settings.chunking.size) == ("INFO", 600)


def test_a_named_file_that_is_missing_is_an_error(home: Path) -> None:
    assert "nowhere.yaml: No such file" in complaint(home, {"FILEINTEL_CONFIG": "/nowhere.yaml"})


def test_the_home_may_come_from_any_source_but_the_file_that_lies_in_it(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert load(home, {"FILEINTEL__HOME": str(other)}).home == other
    assert load(home, {"FILEINTEL__HOME": "/ignored"}, {"home": str(other)}).home == other
    named = written(tmp_path, "home: data", "mine.yaml")
    assert load_settings({}, {"FILEINTEL_CONFIG": str(named)}).home == tmp_path / "data"
    written(home, "home: /elsewhere")
    assert "set FILEINTEL_HOME" in complaint(home)


def test_without_a_home_the_users_data_folder_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    settings = load_settings({}, {})
    assert settings.home == tmp_path / "fileintel"
    assert origin_of(settings, "home") == DATA_FOLDER


def test_the_environment_of_the_process_is_read_by_default(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILEINTEL_HOME", str(home))
    monkeypatch.setenv("FILEINTEL__QUERY__COMMUNITY_LEVEL", "1")
    assert load_settings().query.community_level == 1


@pytest.mark.parametrize(
    ("variable", "text", "key", "value"),
    [
        ("OPENAI_BASE_URL", "http://gpu:8000/v1/", "llm.base_url", "http://gpu:8000/v1"),
        ("DATABASE_URL", "postgres://db/x", "storage.url", "postgresql+psycopg2://db/x"),
        ("CELERY_BROKER_URL", "redis://r/0", "celery.broker_url", "redis://r/0"),
        ("CELERY_RESULT_BACKEND", "redis://r/1", "celery.result_backend", "redis://r/1"),
        ("LOG_LEVEL", "debug", "log_level", "DEBUG"),
    ],
)
def test_well_known_variables_are_heard_and_ours_win_over_them(
    home: Path, variable: str, text: str, key: str, value: str
) -> None:
    settings = load(home, {variable: text})
    assert {each.key: each.value for each in settings.origins()}[key] == value
    assert origin_of(settings, key) == f"environment {variable}"
    ours = "FILEINTEL__" + key.upper().replace(".", "__")
    assert origin_of(load(home, {variable: text, ours: text}), key) == f"environment {ours}"


def test_of_the_well_known_keys_the_nearest_to_us_wins(home: Path) -> None:
    environ = {"GRAPHRAG_API_KEY": "g"}
    for variable in ("GRAPHRAG_API_KEY", "OPENAI_API_KEY", "FILEINTEL__LLM__API_KEY"):
        environ[variable] = variable
        key = load(home, environ).llm.api_key
        assert key is not None
        assert key.get_secret_value() == variable


def test_an_empty_variable_counts_as_unset(home: Path) -> None:
    environ = {"FILEINTEL__LLM__MODEL": "", "OPENAI_API_KEY": " ", "FILEINTEL__CHUNKING__SIZE": "\r", "LOG_LEVEL": ""}
    assert load(home, {**environ, "FILEINTEL__LLM__API_KEY_FILE": "", "FILEINTEL_CONFIG": ""}) == load(home)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("llm.model", "123", "123"),
        ("llm.model", "null", None),
        ("llm.model", "", None),
        ("graphrag.language", "no", "no"),
        ("llm.temperature", "1", 1.0),
        ("llm.temperature", "1e-3", 0.001),
        ("graphrag.claims", "true", True),
        ("graphrag.seed", "0xDEADBEEF", 0xDEADBEEF),
        ("storage.statement_timeout", "30", 30.0),
        ("graphrag.entity_types", "person, no, 2024", ["person", "no", "2024"]),
        ("graphrag.entity_types", "[person, no, 'a, b']", ["person", "no", "a, b"]),
        ("llm.extra_body", "{options: {thinking: false}}", {"options": {"thinking": False}}),
        ("prompts.directory", "/p", "/p"),
    ],
)  # fmt: skip
def test_text_is_read_as_the_setting_wants_it(home: Path, key: str, text: str, value: object) -> None:
    def read(settings: Settings) -> object:
        return {each.key: each.value for each in settings.origins()}[key]

    assert read(load(home, overrides={key: text})) == value
    if text:
        assert read(load(home, {"FILEINTEL__" + key.upper().replace(".", "__"): text})) == value
        if "," not in text or text.startswith(("[", "{")):
            section, name = key.split(".")
            written(home, f"{section}:\n  {name}: {text}\n")
            assert read(load(home)) == value


def test_values_of_the_right_type_need_no_text(home: Path) -> None:
    settings = load(home, overrides={"graphrag.entity_types": ["a"], "chunking.overlap": 0, "llm.top_p": None})
    assert (settings.graphrag.entity_types, settings.chunking.overlap) == (("a",), 0)


def test_folders_in_a_file_are_relative_to_it(home: Path) -> None:
    written(home, "prompts:\n  directory: prompts")
    assert load(home).prompts.directory == home / "prompts"


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "llm:\n  # model: x\napi:\n", "null"])
def test_a_file_with_nothing_in_it_changes_nothing(home: Path, text: str) -> None:
    written(home, text)
    changed = load(home)
    (home / "config.yaml").unlink()
    assert changed == load(home)


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("llm.modle", "did you mean llm.model?"),
        ("lllm.model", "did you mean llm.model or embedding.model?"),
        ("llm.concurrency", "did you mean embedding.concurrency or graphrag.concurrency?"),
        ("grahprag", "did you mean graphrag?"),
        ("graphrag", "it is a section, so set one of its keys, such as graphrag.concurrency;"),
        ("zzz.qqq", "see"),
    ],
)
def test_an_unknown_key_is_an_error_in_every_source(home: Path, key: str, hint: str) -> None:
    variable = "FILEINTEL__" + key.upper().replace(".", "__")
    section, _, name = key.partition(".")
    assert complaint(home, {variable: "1"}).startswith(f"unknown setting {key} (environment {variable}): {hint}")
    assert complaint(home, {}, {key: 1}).startswith(f"unknown setting {key} (command line): {hint}")
    path = written(home, f"{section}:\n  {name}: 1\n" if name else f"{section}: 1\n")
    message = complaint(home)
    assert message.endswith("see `fileintel config show`")
    if section in ("lllm", "zzz"):  # the unknown section is what the file shows first
        assert message.startswith(f"unknown setting {section} ({path}, line 1): ")
    else:
        assert message.startswith(f"unknown setting {key} ({path}, line {2 if name else 1}): {hint}")


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("llm.timeout", "soon", 'must be a number, not "soon"'),
        ("llm.timeout", "0", "must be greater than 0, not 0"),
        ("llm.timeout", ".inf", "must be a finite number"),
        ("llm.temperature", "3", "must be less than or equal to 2, not 3"),
        ("graphrag.concurrency", "1001", "must be less than or equal to 1000, not 1001"),
        ("graphrag.concurrency", "true", "must be a whole number, not true"),
        ("graphrag.concurrency", "null", "must be a whole number, not null"),
        ("graphrag.claims", "maybe", 'must be true or false, not "maybe"'),
        ("graphrag.method", "quick", "must be 'standard' or 'fast', not \"quick\""),
        ("graphrag.entity_types", "[]", "must not be empty"),
        ("graphrag.entity_types", "[[a]]", "must be a text"),
        ("chunking.overlap", "1200", "must be smaller than chunking.size, which is 1200"),
        ("query.local_community_share", "0.6", "must be at most 1 together with query.local_text_unit_share"),
        ("llm.base_url", "gpu:8000", "must be the URL of a server"),
        ("llm.base_url", "http://gpu:port/v1", "must be the URL of a server"),
        ("llm.base_url", "http://gpu/v1/chat/completions", "must end before /chat/completions"),
        ("llm.extra_body", "[a]", "must be a mapping"),
        ("llm.extra_body", "{since: 2024-01-01}", "must be made of texts, numbers, lists and mappings"),
        ("llm.extra_body", "{x: .nan}", "Out of range float values are not JSON compliant"),
        ("storage.url", "mysql://u@h/d", "must be a PostgreSQL URL"),
        ("storage.url", "hunter2", "must be a PostgreSQL URL"),
        ("api.port", "65536", "must be less than or equal to 65535, not 65536"),
        ("log_level", "LOUD", "must be 'DEBUG', 'INFO', 'WARNING', 'ERROR' or 'CRITICAL'"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_line_with_key_and_place(home: Path, key: str, text: str, message: str) -> None:
    variable = "FILEINTEL__" + key.upper().replace(".", "__")
    said = complaint(home, {variable: text})
    assert said.startswith(f"{key} (environment {variable}): {message}")
    assert "hunter2" not in said


def test_all_wrong_values_are_said_at_once(home: Path) -> None:
    path = written(home, "api:\n  port: many\nchunking:\n  size: few\n")
    assert complaint(home) == (
        f'chunking.size ({path}, line 4): must be a whole number, not "few"; '
        f'api.port ({path}, line 2): must be a whole number, not "many"'
    )


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("llm:\n  model: [a\n", 3, "not valid YAML"),
        ("llm:\n\tmodel: a\n", 2, "not valid YAML"),
        ("llm:\n  api_key: *hunter2\n", 2, "not valid YAML"),
        ("llm:\n  api_key: !hunter2 x\n", 2, "tags"),
        ("llm:\n  extra_body: {a: !hunter2 x}\n", 2, ""),
        ("llm:\n  model: a\n  model: b\n", 3, "set twice"),
        ("llm:\n  extra_body: {? [a] : b}\n", 2, ""),
        ("? [llm, hunter2]\n: x\n", 1, "unknown setting"),
    ],
)
def test_a_broken_file_is_one_line_with_file_and_line(home: Path, text: str, line: int, problem: str) -> None:
    path = written(home, text)
    message = complaint(home)
    assert f"{path}, line {line}" in message
    assert problem in message
    assert "hunter2" not in message


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"- a\n- b\n", b"text", b"a: \x00", b"a: 1\n---\nb: 1\n"])
def test_a_file_that_holds_no_settings_is_an_error(home: Path, content: bytes) -> None:
    (home / "config.yaml").write_bytes(content)
    assert str(home / "config.yaml") in complaint(home)


def test_a_byte_order_mark_does_no_harm(home: Path) -> None:
    (home / "config.yaml").write_bytes(b"\xef\xbb\xbflog_level: ERROR\r\n")
    assert load(home).log_level == "ERROR"


def test_settings_cannot_be_changed_afterwards(home: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(home).llm.model = "other"
