"""Tables as models see them: CSV under a heading, each row with the id that answers may cite."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

_HEADING_MARK = re.compile(r"^[ \t]*#{1,6}[ \t]+", re.MULTILINE)


def row(*fields: object) -> str:
    """One line of CSV (RFC 4180), without its line end.

    Line breaks in fields become spaces, so that no text can pass for a heading of ours; marks of Markdown headings
    go with them, because on one line they would make a heading of everything behind them.
    """
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow([_plain(field) for field in fields])
    return buffer.getvalue()


def section(name: str, columns: Sequence[str], rows: Iterable[str]) -> str:
    """A heading, the column names and the rows; nothing at all without rows."""
    lines = list(rows)
    return "\n".join([f"-----{name}-----", ",".join(columns), *lines]) + "\n" if lines else ""


def on_one_line(text: str) -> str:
    """A text without line breaks, and without what they make of a line: a mark of a Markdown heading would make one of
    all that follows."""
    if "#" in text:  # few texts have one, and to look at the beginning of each line takes ten times as long
        text = _HEADING_MARK.sub("", text)
    return " ".join(text.split())


def _plain(field: object) -> object:
    return on_one_line(field) if isinstance(field, str) else field
