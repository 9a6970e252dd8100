"""How commands print: data on stdout, as one JSON document or as plain columns; what is said to a person on stderr."""

import json
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

from fileintel.errors import EXIT_CANCELLED, FileIntelError

WIDEST = 60  # characters of a column; what is longer is cut, --json has it whole
NARROWEST = 12  # characters that a column keeps when a terminal is too narrow for all of them
GAP = "  "
HEADINGS = {"human_readable_id": "ID"}

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tab and line feed


class NotConfirmed(FileIntelError):
    """The person did not say yes."""

    code = "not_confirmed"
    exit_code = EXIT_CANCELLED


def prepare() -> None:
    """Let characters that the terminal's encoding lacks come out as question marks, instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def print_json(document: Any) -> None:
    """Print one JSON document; times and ids as strings."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    only_ascii = encoding.lower().replace("-", "") != "utf8"
    print(json.dumps(document, ensure_ascii=only_ascii, indent=2, default=_jsonable))


def fields_of(thing: "BaseModel | Mapping[str, Any]") -> Mapping[str, Any]:
    """The fields of a result by name, as JSON has them."""
    return thing if isinstance(thing, Mapping) else thing.model_dump(mode="json", by_alias=True)


def print_table(columns: Sequence[str], rows: "Iterable[BaseModel | Mapping[str, Any]]", none: str) -> None:
    """Print rows in aligned columns under upper-case headings; without rows, say the sentence `none`."""
    listed = [fields_of(row) for row in rows]
    if not listed:
        say(none)
        return
    lines = [[HEADINGS.get(column, column.replace("_", " ").upper()) for column in columns]]
    lines += [[_cut(one_line(row.get(column)), WIDEST) for column in columns] for row in listed]
    widths = _fitting([max(width_of(line[place]) for line in lines) for place in range(len(columns))])
    numeric = [all(row.get(column) is None or _is_number(row[column]) for row in listed) for column in columns]
    for line in lines:
        layout = zip(line, widths, numeric, strict=True)
        print(GAP.join(_aligned(_cut(cell, width), width, right) for cell, width, right in layout).rstrip())


def print_fields(thing: "BaseModel | Mapping[str, Any]") -> None:
    """Print names and values, one a line; what is not known is left out, inner mappings are spread."""
    told = {name.replace("_", " "): text for name, value in _flat(fields_of(thing)) if (text := one_line(value))}
    width = max(map(len, told), default=0)
    for name, text in told.items():
        print(f"{name.ljust(width)}{GAP}{text}")


def say(message: str) -> None:
    """Tell the person something that is not data, on stderr."""
    print(message, file=sys.stderr, flush=True)


def confirm(question: str) -> None:
    """Ask a question on the terminal.

    Raises:
      NotConfirmed: the answer is anything but yes.
    """
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline() if sys.stdin is not None else ""
    if answer.strip().lower() in ("y", "yes"):
        return
    if not answer.endswith("\n"):
        say("")
    raise NotConfirmed("not confirmed, nothing was done; --yes does it without asking")


def plain(text: str) -> str:
    """Text without control characters: neither a document nor a model may steer the terminal."""
    return _CONTROL.sub("", text)


def one_line(value: Any) -> str:
    """A value as a person reads it, on one line: of several values each, of several things their number."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {one}" for name, inner in value.items() if (one := one_line(inner)))
    if isinstance(value, list | tuple):
        if any(isinstance(one, Mapping) for one in value):
            return str(len(value))  # things with names of their own have no place on a line
        return ", ".join(map(one_line, value))
    return " ".join(plain(str(value)).split())


def width_of(text: str) -> int:
    """The columns that a text takes on a terminal: East Asian characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def _fitting(widths: list[int]) -> list[int]:
    """The widths of columns, the widest ones made narrower where a terminal has no room for all."""
    if not sys.stdout.isatty():
        return widths
    fitted = list(widths)
    too_much = sum(fitted) + len(GAP) * (len(fitted) - 1) - shutil.get_terminal_size().columns
    while too_much > 0 and max(fitted) > NARROWEST:
        fitted[fitted.index(max(fitted))] -= 1
        too_much -= 1
    return fitted


def _cut(text: str, width: int) -> str:
    if width_of(text) <= width:
        return text
    kept = text[: width - 1]
    while width_of(kept) > width - 1:
        kept = kept[:-1]
    return kept + "…"


def _aligned(text: str, width: int, right: bool) -> str:
    space = " " * (width - width_of(text))
    return space + text if right else text + space


def _jsonable(value: Any) -> Any:
    return fields_of(value) if hasattr(value, "model_dump") else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _flat(fields: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from ((str(inner), one) for inner, one in value.items())
        else:
            yield name, value


def unread_pages(document: str, first: int, last: int, reason: str) -> str:
    """One line about pages of a document that could not be read."""
    pages = f"page {first}" if first == last else f"pages {first} to {last}"
    return one_line(f"{document}, {pages}: {reason}")
