"""What holds of the whole source, counted by `figures.py`."""

from pathlib import Path

import pytest

from tests.architecture import figures
from tests.architecture.programs import program
from tests.architecture.source import Source


@pytest.fixture(scope="module")
def source() -> Source:
    return Source()


def test_sql_stands_in_storage_only(source: Source) -> None:
    assert [str(found) for found in figures.sql_outside_storage(source)] == []


def test_no_modules_import_each_other(source: Source) -> None:
    assert figures.import_cycles(source) == []


@pytest.mark.parametrize(
    "text",
    [
        "from sqlalchemy import select",
        "from sqlalchemy.orm import Session, joinedload",
        "def change(session):\n    session.add(1)",
        "class Change:\n    def change(self):\n        self._session.execute('SELECT 1')",
        "def look(cursor):\n    cursor.execute('SELECT 1')",
    ],
)
def test_sql_in_another_place_is_found(tmp_path: Path, text: str) -> None:
    found = figures.sql_outside_storage(program(tmp_path, runs__index=text, storage__runs=text))

    assert [one.module for one in found] == ["fileintel.runs.index"]


def test_a_session_may_be_handed_on(tmp_path: Path) -> None:
    text = "from sqlalchemy.orm import Session\n\ndef find(session: Session):\n    return runs.find(session)"

    assert figures.sql_outside_storage(program(tmp_path, runs__index=text)) == []


def test_modules_that_import_each_other_are_found(tmp_path: Path) -> None:
    late = "def f():\n    import fileintel.runs.c"
    source = program(tmp_path, runs__a="import fileintel.runs.b", runs__b="import fileintel.runs.a", runs__c=late)

    assert figures.import_cycles(source) == [["fileintel.runs.a", "fileintel.runs.b"]]


def test_a_dictionary_of_anything_is_found_when_another_layer_calls_its_function(tmp_path: Path) -> None:
    text = "from typing import Any\n\nRow = dict[str, Any]\n\ndef show() -> list[Row]: ...\n\ndef own() -> Row: ..."
    source = program(tmp_path, services__a=text, api__b="from fileintel.services import a\n\na.show()")

    assert [found.what.partition(" ")[0] for found in figures.untyped_results(source)] == ["show", "own"]
    assert [found.what.partition(" ")[0] for found in figures.untyped_across_layers(source)] == ["show"]
