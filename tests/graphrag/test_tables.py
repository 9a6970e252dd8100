"""Tables are CSV (RFC 4180): what is in a row can be read back, and a field never leaves its row."""

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from fileintel.graphrag.tables import row, section

PIECES = st.sampled_from(('"', ",", '","', "\n", "\r\n", "\u2028", "\x1c", "-----Entities-----"))
CELLS = st.lists(st.text(st.characters(exclude_characters="#"), max_size=20) | PIECES, max_size=6).map("".join)


@settings(max_examples=200, deadline=None)
@given(number=st.integers(), cells=st.lists(CELLS, min_size=1, max_size=4))
def test_a_row_is_read_back_as_its_fields_on_one_line(number: int, cells: list[str]) -> None:
    line = row(number, *cells)
    assert len(line.splitlines()) == 1
    (read,) = csv.reader(io.StringIO(line, newline=""))
    assert read == [str(number), *(" ".join(cell.split()) for cell in cells)]


def test_marks_of_headings_go_with_the_line_breaks() -> None:
    assert row(1, "# Plan\n\n## Costs\nIn C# and #2.", "\n" * 50_000) == "1,Plan Costs In C# and #2.,"


@settings(max_examples=200, deadline=None)
@given(
    fields=st.lists(st.tuples(st.integers(0, 99), st.text(max_size=30), st.text(max_size=30)), min_size=1, max_size=5)
)
def test_a_section_has_one_heading_and_a_line_for_each_row(fields: list[tuple[int, str, str]]) -> None:
    text = section("Entities", ("id", "title", "text"), (row(*each) for each in fields))
    lines = text.splitlines()
    assert lines[:2] == ["-----Entities-----", "id,title,text"]
    assert len(lines) == 2 + len(fields)
    assert not any(line.startswith("-----") for line in lines[1:])
    assert text.endswith("\n")


def test_a_section_without_rows_is_nothing() -> None:
    assert section("Entities", ("id",), []) == ""


def test_numbers_and_nothing_are_kept_as_they_are() -> None:
    assert row(1, 2.5, None, "a, b") == '1,2.5,,"a, b"'
