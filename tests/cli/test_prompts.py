"""`fileintel graphrag prompts`, `collections set`, `index --method fast`."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fileintel.cli import prompt_files
from fileintel.errors import ConflictError, PromptError, UsageError
from fileintel.graphrag.prompt_kinds import KINDS
from fileintel.graphrag.stages.formats import EXTRACT, LOOP
from tests.conftest import CommandLine
from tests.standin import StandIn
from tests.standin.settings import Canned

PROFILE = {"domain": "Minutes of a port.", "language": "German", "entity_types": ["ship", "board"]}


def test_prompts_are_exported_changed_set_tuned_and_reset(
    fileintel: CommandLine, model_server: StandIn, write_document: Callable[[str, str], Path], tmp_path: Path
) -> None:
    def prompts(command: str, *arguments: object) -> Any:
        return fileintel("graphrag", "prompts", command, "port", *arguments, "--json").json

    def own() -> set[str]:
        return {one["name"] for one in prompts("list") if one["origin"] == "collection"}

    model_server.configure(canned=(Canned(json.dumps(PROFILE), purpose="tune_profile"),))
    fileintel("collections", "create", "port")
    text = "In 1904 Ilse Brandt joined the Harbour Board. Heinrich Tolle led the Harbour Board of Altona."
    fileintel("documents", "add", "port", write_document("port.txt", text))
    folder = tmp_path / "own"
    assert prompts("export", folder) == {"directory": str(folder), "files": list(KINDS)}
    (folder / LOOP.file).write_text("More? Y or N.")
    assert prompts("set", folder) == {"collection": "port", "prompts": [LOOP.file]}
    assert own() == {LOOP.file}
    assert fileintel("graphrag", "prompts", "set", "port", folder).err == "nothing differs from what is in effect\n"

    tuned = fileintel("graphrag", "prompts", "tune", "port", "--output", tmp_path / "tuned").out
    assert "domain        Minutes of a port." in tuned
    assert own() == {LOOP.file}
    assert {path.name for path in (tmp_path / "tuned").iterdir()} < set(KINDS)
    assert "entity types  ship, board" in fileintel("graphrag", "prompts", "tune", "port").out
    assert EXTRACT.file in own()
    shown = fileintel("collections", "show", "port", "--json").json
    assert (shown["language"], shown["entity_types"]) == ("German", ["ship", "board"])

    assert EXTRACT.file in fileintel("graphrag", "prompts", "reset", "port").err
    assert own() == set()
    changed = fileintel("collections", "set", "port", "--language", "", "--entity-types", "dyke, ship", "--json").json
    assert re.search(r"^entity types +dyke, ship$", fileintel("collections", "show", "port").out, re.MULTILINE)
    assert (changed["language"], changed["entity_types"]) == (None, ["dyke", "ship"])
    model_server.reset()
    fast = fileintel("graphrag", "index", "port", "--method", "fast", "--json").json
    assert (fast["method"], fast["state"]) == ("fast", "succeeded")
    assert fast["counts"]["entities"] > 2
    assert set(model_server.stats().answered) == {"report", "embeddings"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("collections", "set", "port"), "nothing to change"),
        (("collections", "set", "port", "--entity-types", "a\nb"), "on one line"),
        (("graphrag", "prompts", "reset", "port", "nobody.txt"), "there is no prompt 'nobody.txt'"),
        (("graphrag", "index", "port", "--method", "quick"), "quick"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(fileintel: CommandLine, arguments: tuple[str, ...], complaint: str) -> None:
    fileintel("collections", "create", "port")
    refused = fileintel(*arguments, check=2)
    assert complaint in refused.err
    assert refused.err.count("\n") == 1


def test_files_that_differ_are_not_replaced(tmp_path: Path) -> None:
    texts = {"a.txt": "A", "b.txt": "B"}
    assert prompt_files.write(texts, tmp_path / "new") == prompt_files.write(texts, tmp_path / "new")
    (tmp_path / "new" / "b.txt").write_text("changed")
    (tmp_path / "new" / "a.txt").unlink()
    with pytest.raises(ConflictError, match="another text"):
        prompt_files.write(texts, tmp_path / "new")
    assert not (tmp_path / "new" / "a.txt").exists()


def test_only_files_that_are_named_like_prompts_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\ufeffA")
    (tmp_path / "notes.md").write_text("N")
    assert prompt_files.read([tmp_path], {"a.txt", "b.txt"}) == {"a.txt": "A"}
    assert prompt_files.read([tmp_path / "a.txt"], ["a.txt"]) == {"a.txt": "A"}
    for path, known in ((tmp_path / "notes.md", "a.txt"), (tmp_path, "b.txt")):
        with pytest.raises(UsageError, match="named"):
            prompt_files.read([path], [known])
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe")
    for name in ("b.txt", "missing.txt"):
        with pytest.raises(PromptError, match="cannot be read"):
            prompt_files.read([tmp_path / name], [name])
