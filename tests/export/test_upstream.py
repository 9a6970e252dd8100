"""`graphrag` itself reads the tables and answers questions from them, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fileintel.graphrag.export import columns
from fileintel.graphrag.imports.folder import read_tables
from fileintel.graphrag.imports.tables import import_graph
from fileintel.graphrag.imports.texts import source_texts
from tests.export.answering import FOLLOW_UP, POINT, STEP, answering
from tests.export.example import ALONE, LINKS, TITLES, Example

OFFLINE = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # litellm fetches a price list otherwise


def run(script: str, *arguments: object) -> Any:
    """What a script prints as its last line, from JSON."""
    result = subprocess.run(
        [sys.executable, Path(__file__).with_name(script), *map(str, arguments)],
        env={**os.environ, **OFFLINE},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def copied(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """What upstream's readers make of the folder, and the same tables as upstream's writer writes them."""
    copy = tmp_path_factory.mktemp("copy")
    return run("read_with_graphrag.py", exported, copy), copy


@pytest.fixture(scope="module")
def searched(exported: Path) -> tuple[dict[str, Any], list[str]]:
    """The answers of upstream's searches, and the prompts that their model got."""
    with answering() as (base_url, prompts):
        return run("search_with_graphrag.py", exported, base_url, "Who kept a diary at the lighthouse?"), prompts


def same_type(ours: pa.DataType, upstreams: pa.DataType) -> bool:
    """Equal, but for strings that newer pandas calls large, and lists that are all empty and so of no type."""
    if pa.types.is_list(ours) and pa.types.is_list(upstreams):
        return pa.types.is_null(upstreams.value_type) or same_type(ours.value_type, upstreams.value_type)
    if pa.types.is_struct(ours) and pa.types.is_struct(upstreams):
        fields = zip(ours, upstreams, strict=True)
        return all(one.name == other.name and same_type(one.type, other.type) for one, other in fields)
    return ours == (pa.string() if pa.types.is_large_string(upstreams) else upstreams)


@pytest.mark.parametrize("name", columns.TABLES)
def test_upstreams_writer_gives_the_tables_the_same_columns_and_types(
    exported: Path, copied: tuple[dict[str, Any], Path], name: str
) -> None:
    ours = pq.read_schema(exported / f"{name}.parquet")
    upstreams = pq.read_schema(copied[1] / f"{name}.parquet")
    assert ours.names == upstreams.names
    different = [field.name for field in ours if not same_type(field.type, upstreams.field(field.name).type)]
    assert different == []


def test_upstreams_readers_find_everything(copied: tuple[dict[str, Any], Path], made: Example) -> None:
    found = copied[0]
    assert [unit["text"] for unit in found["text_units"]] == [unit.text for unit in made.units]
    assert sorted(entity["title"] for entity in found["entities"]) == sorted((*TITLES, ALONE))
    assert [link["rank"] for link in found["relationships"]] == [number + 2 for number in range(len(LINKS))]
    assert {int(report["community_id"]) for report in found["reports"]} == set(made.reports)
    assert {int(community["short_id"]) for community in found["communities"]} == set(made.reports)
    assert [claim["subject_id"] for claim in found["covariates"]] == [TITLES[0]] * len(made.claims)
    children = {int(community["short_id"]): community["children"] for community in found["communities"]}
    assert children == {c.number: c.children for c in made.communities if c.number in made.reports}


def test_a_folder_that_upstream_wrote_is_read_as_the_same_graph(
    exported: Path, copied: tuple[dict[str, Any], Path], made: Example
) -> None:
    theirs = read_tables(copied[1])
    ours, copy = import_graph(read_tables(exported)), import_graph(theirs)
    assert not +ours.put_right
    assert (copy.graph, copy.claims, copy.communities, copy.reports) == (
        ours.graph,
        ours.claims,
        ours.communities,
        ours.reports,
    )
    sources = source_texts(theirs)
    assert [source.text for source in sources] == [text for text in made.texts.values() if text.strip()]
    assert [source.file for source in sources] == [source.file for source in source_texts(read_tables(exported))]
    assert all(source.has_pages for source in sources)


def test_upstreams_local_search_finds_entities_by_their_vectors(searched: tuple[dict[str, Any], list[str]]) -> None:
    answer, context = searched[0]["local"]
    assert answer == "An answer."
    assert {row["entity"] for row in context["entities"]} == {*TITLES, ALONE}
    assert all(context[table] for table in ("relationships", "sources", "reports", "claims"))
    assert any("Erna Sollid, kept a diary" in prompt for prompt in searched[1])


def test_upstreams_global_search_reads_the_reports(searched: tuple[dict[str, Any], list[str]], made: Example) -> None:
    answer, context = searched[0]["global"]
    assert answer == "An answer."
    assert {row["title"] for row in context["reports"]} <= {report.title for report in made.reports.values()}
    assert context["reports"]
    assert any(POINT in prompt for prompt in searched[1])


def test_upstreams_drift_search_goes_from_reports_to_the_texts(searched: tuple[dict[str, Any], list[str]]) -> None:
    answer, context = searched[0]["drift"]
    assert answer == "An answer."
    assert context["reports"]
    assert context["sources"]  # its default shares leave no room for the entities themselves
    assert any(prompt.endswith(FOLLOW_UP) for prompt in searched[1])  # asked of the surroundings of entities
    assert any(json.dumps(STEP)[1:-1] in prompt or STEP in prompt for prompt in searched[1])  # what it came to


def test_upstreams_basic_search_finds_text_units_by_their_vectors(searched: tuple[dict[str, Any], list[str]]) -> None:
    answer, context = searched[0]["basic"]
    assert answer == "An answer."
    assert any("kept a diary" in row["text"] for row in context["sources"])
