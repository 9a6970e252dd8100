"""Imports go one way: the table is in `layers.py`, and there is no list of exceptions."""

from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.architecture.layers import ALLOWED, violations
from tests.architecture.programs import program
from tests.architecture.source import Source


@pytest.fixture(scope="module")
def source() -> Source:
    return Source()


def test_each_import_is_one_that_the_table_allows(source: Source) -> None:
    assert [str(an_import) for an_import in violations(source)] == []


def test_each_part_of_the_program_is_in_the_table(source: Source) -> None:
    parts = {module.part for module in source.modules.values()}

    assert parts == set(ALLOWED)


def test_no_two_parts_may_import_each_other() -> None:
    TopologicalSorter({part: allowed - {part} for part, allowed in ALLOWED.items()}).prepare()


@pytest.mark.parametrize(
    "text",
    [
        "from fileintel.runs import index",
        "import fileintel.runs.index",
        "from fileintel.runs.index import Indexer",
        "from ..runs import index",
        "def build():\n    from fileintel.runs.index import Indexer",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from fileintel.runs import index",
    ],
)
def test_an_import_upwards_is_found_wherever_it_stands(tmp_path: Path, text: str) -> None:
    found = violations(program(tmp_path, storage__answers=text, runs__index="class Indexer: ..."))

    assert [(an_import.importer, an_import.imported) for an_import in found] == [
        ("fileintel.storage.answers", "fileintel.runs.index")
    ]


def test_an_entry_that_jumps_over_the_services_is_found(tmp_path: Path) -> None:
    found = violations(program(tmp_path, api__routes="import fileintel.storage.runs", storage__runs=""))

    assert len(found) == 1


def test_only_the_launcher_and_the_fast_method_import_the_built_in_model(tmp_path: Path) -> None:
    fast = "from fileintel.builtin_model import entities"
    found = violations(
        program(tmp_path, graphrag__stages__fast=fast, graphrag__stages__extract=fast, builtin_model__entities="")
    )

    assert [an_import.importer for an_import in found] == ["fileintel.graphrag.stages.extract"]
