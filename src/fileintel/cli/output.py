"""How commands print: data on stdout, as one JSON document or as plain columns."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

WIDEST = 60  # characters of a column; what is longer is cut, --json has it whole


def print_json(document: Any) -> None:
    """Print one JSON document; times and ids as strings."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2, default=str)
    print()


def print_table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], none: str) -> None:
    """Print rows in aligned columns under upper-case headings, or the sentence `none` when there are none."""
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    if not cells:
        print(none)
        return
    headings = [column.replace("_", " ").upper() for column in columns]
    widths = [max(len(line[place]) for line in [headings, *cells]) for place in range(len(columns))]
    for line in [headings, *cells]:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def say(message: str) -> None:
    """Tell the person something that is not data, on stderr."""
    print(message, file=sys.stderr, flush=True)


def _cell(value: Any) -> str:
    text = "" if value is None else " ".join(str(value).split())
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"
