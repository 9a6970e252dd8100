"""`fileintel graphrag import`."""

from pathlib import Path

from tests.conftest import CommandLine
from tests.export.example import ALONE, TITLES


def test_the_command_takes_a_folder_over_and_tells_what_came(
    fileintel: CommandLine, folder: Path, tmp_path: Path
) -> None:
    wrong = fileintel("graphrag", "import", "town", tmp_path, check=1)
    assert wrong.out == ""
    assert len(wrong.err.splitlines()) == 1
    assert "holds no index of graphrag" in wrong.err

    shown = fileintel("graphrag", "import", "town", folder).out
    assert "collection town: imported as index version 1" in shown
    entities = fileintel("graphrag", "entities", "town", "--json").json
    assert {row["title"] for row in entities} == {*TITLES, ALONE}
    reply = fileintel("graphrag", "query", "town", "Who kept a diary at the lighthouse?", "--json").json
    assert reply["citations"]
