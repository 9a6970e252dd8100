"""Which settings decide what an index holds, so that an index made with others is out of date."""

from pathlib import Path

import pytest

from fileintel.config import Settings, load_settings
from fileintel.config.sections import Decisive, Indecisive, Section
from fileintel.config.sources import keys_of


def section_of(key: str) -> tuple[type[Section], str]:
    section, _, name = key.rpartition(".")
    if not section:
        return Settings, name
    kind = Settings.model_fields[section].annotation
    assert kind is not None
    assert issubclass(kind, Section)
    return kind, name


@pytest.mark.parametrize("key", sorted(keys_of(Settings)))
def test_each_setting_says_whether_it_decides_an_index(key: str) -> None:
    section, name = section_of(key)
    assert section.says_of(name) is not None, f"{key}: say Decisive[…] or Indecisive[…] in config/sections.py"


def test_a_setting_that_does_not_say_it_decides() -> None:
    class Some(Section):
        silent: int | None
        decisive: Decisive[int | None]
        indecisive: Indecisive[int | None]

    assert [Some.decides_index(name) for name in Some.model_fields] == [True, True, False]


@pytest.mark.parametrize(
    ("key", "value", "decides"),
    [
        ("chunking.size", 600, True),
        ("graphrag.claims", True, True),
        ("graphrag.seed", 1, True),
        ("llm.temperature", 0.5, True),
        ("embedding.dimensions", 64, True),
        ("graphrag.concurrency", 7, False),
        ("llm.api_key", "secret", False),
        ("query.top_k_entities", 3, False),
        ("documents.max_pages", 3, False),
        ("home", "/elsewhere", False),
        ("log_level", "ERROR", False),
    ],
)
def test_only_another_value_of_a_decisive_setting_is_another_index(
    tmp_path: Path, key: str, value: object, decides: bool
) -> None:
    environ = {"FILEINTEL_HOME": str(tmp_path)}
    before, after = load_settings({}, environ).decisive(), load_settings({key: value}, environ).decisive()

    assert (before != after) is decides
    assert not decides or {name for name in before if before[name] != after[name]} == {key}
