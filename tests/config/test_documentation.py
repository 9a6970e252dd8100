"""docs/configuration.md and config/default.yaml say the same, and the examples load."""

import re
from pathlib import Path

import pytest
import yaml

from fileintel.config import load_settings
from fileintel.config.sources import WELL_KNOWN
from fileintel.resources import shipped

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([a-z_.0-9]+)` \| `([^`]*)` \| .+ \|$", re.MULTILINE)
EXAMPLE = re.compile(r"^### (.+?)\n(?:(?!^#).*\n)*?```yaml\n((?:.*\n)*?)```$", re.MULTILINE)


def shipped_defaults() -> dict[str, object]:
    content = yaml.safe_load((shipped("config") / "default.yaml").read_text(encoding="utf-8"))
    flat: dict[str, object] = {}
    for name, value in content.items():
        flat.update(
            {f"{name}.{key}": inner for key, inner in value.items()} if isinstance(value, dict) else {name: value}
        )
    return flat


def test_the_tables_list_every_setting_with_its_default() -> None:
    documented = {key: yaml.safe_load(default) for key, default in ROW.findall(PAGE)}
    assert documented == shipped_defaults()
    assert list(documented) == list(shipped_defaults())


def test_every_well_known_variable_is_documented() -> None:
    for variable, key in WELL_KNOWN:
        assert re.search(rf"^\| `{variable}` \| `{re.escape(key)}`", PAGE, re.MULTILINE)


@pytest.mark.parametrize(
    ("title", "chat", "embedding"),
    [
        ("vLLM", "http://localhost:8000/v1", "builtin"),
        ("Ollama", "http://localhost:11434/v1", "http://localhost:11434/v1"),
        ("Two endpoints", "http://gpu-1:8000/v1", "http://gpu-2:8000/v1"),
    ],
)
def test_the_examples_mean_what_they_say(tmp_path: Path, title: str, chat: str, embedding: str) -> None:
    (tmp_path / "config.yaml").write_text(dict(EXAMPLE.findall(PAGE))[title], encoding="utf-8")
    settings = load_settings({}, {"FILEINTEL_HOME": str(tmp_path)})
    assert settings.chat_endpoint().base_url == chat
    assert settings.embedding_endpoint().base_url == embedding
