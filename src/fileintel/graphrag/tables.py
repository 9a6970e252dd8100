"""Tables as models see them: CSV under a heading, each row with the id that answers may cite."""

import csv
import io
from collections.abc import Iterable, Sequence


def row(*fields: object) -> str:
    """One line of CSV (RFC 4180), without its line end; line breaks in fields become spaces."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow([_plain(field) for field in fields])
    return buffer.getvalue()


def section(name: str, columns: Sequence[str], rows: Iterable[str]) -> str:
    """A heading, the column names and the rows; nothing at all without rows."""
    lines = list(rows)
    return "\n".join([f"-----{name}-----", ",".join(columns), *lines]) + "\n" if lines else ""


def _plain(field: object) -> object:
    return " ".join(field.split()) if isinstance(field, str) else field
