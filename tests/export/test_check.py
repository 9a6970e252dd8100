"""`fileintel graphrag export … --check`: what graphrag's own readers find in a folder."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fileintel.errors import ConfigError, ExportError
from fileintel.graphrag.export import read_back
from fileintel.services import export_check
from fileintel.services.export_check import check_export
from tests.export.example import DIMENSIONS, Example


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """A copy of the exported folder, for a test to damage."""
    return Path(shutil.copytree(exported, tmp_path / "copy"))


def change(folder: Path, name: str, edit: Callable[[pa.Table], pa.Table]) -> None:
    path = folder / f"{name}.parquet"
    pq.write_table(edit(pq.read_table(path)), path)


def test_a_whole_folder_has_no_problems(exported: Path, made: Example) -> None:
    found = check_export(exported)
    assert found.problems == []
    assert found.graphrag.startswith("3.")
    for name, rows in found.tables.items():
        assert rows == pq.read_metadata(exported / f"{name}.parquet").num_rows
    assert set(found.tables) == set(read_back.COLUMNS)
    assert found.embeddings["text_unit_text"].vectors == len(made.units)
    assert {vectors.size for vectors in found.embeddings.values()} == {DIMENSIONS}


def test_a_folder_without_claims_has_no_problems(folder: Path) -> None:
    (folder / "covariates.parquet").unlink()
    found = read_back.read_back(folder)
    assert found["problems"] == []
    assert "covariates" not in found["tables"]


@pytest.mark.parametrize(
    ("name", "edit", "problem"),
    [
        ("entities", lambda t: t.drop_columns("degree"), "cannot read entities|entities lacks degree"),
        ("entities", lambda t: t.append_column("mood", [["good"] * len(t)]), "does not know: mood"),
        ("text_units", lambda t: t.select(t.schema.names[::-1]), "text_units has its columns in another order"),
        ("text_units", lambda t: t.slice(1), r"text_unit_ids names 1 that is not there"),
        ("entities", lambda t: pa.concat_tables([t, t.slice(0, 1)]), "entities has rows with the id of another one: 1"),
        (
            "embeddings.entity_description",
            lambda t: t.slice(2),
            r"entity_description lacks 2 of \d+ entities",
        ),
        ("embeddings.text_unit_text", lambda t: t.drop_columns("id"), "embeddings.text_unit_text cannot be read"),
    ],
    ids=["column gone", "column more", "order", "row gone", "row twice", "vector gone", "vectors without ids"],
)
def test_what_is_wrong_is_told(folder: Path, name: str, edit: Callable[[pa.Table], pa.Table], problem: str) -> None:
    change(folder, name, edit)
    problems = "\n".join(read_back.read_back(folder)["problems"])
    assert re.search(problem, problems), problems


def test_a_table_that_is_gone_is_told(folder: Path) -> None:
    (folder / "relationships.parquet").unlink()
    assert any("graphrag cannot read relationships" in problem for problem in read_back.read_back(folder)["problems"])


def test_without_graphrag_one_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(export_check.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"graphrag, which is not installed: pip install 'fileintel\[graphrag\]'"):
        check_export(tmp_path)


def test_readers_that_cannot_start_are_an_error_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(export_check, "READER", "fileintel.no_such_module")
    with pytest.raises(ExportError, match="cannot be checked") as failed:
        check_export(tmp_path)
    assert "\n" not in str(failed.value)
