"""The documents of an index folder and the places of their text units."""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fileintel.documents.paginate import paginate
from fileintel.graphrag.imports.folder import TableRow, Tables
from fileintel.graphrag.imports.placing import places
from fileintel.graphrag.imports.values import integer_of, list_of, moment_of, text_of
from fileintel.graphrag.model import TextUnit
from fileintel.identity import content_id

UNNAMED = "document"  # the name of a document whose table is missing, before its number
TEXT_TYPE = "text/plain"
LARGEST_SIZE = 2**63 - 1  # bytes: what a column of PostgreSQL holds
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class SourceFile:
    """The file that a document was read from, as our exports tell it; `pages` are labels ("" for none) and lengths in
    characters. None of them where the exporting installation did not have the document any more."""

    name: str
    sha256: str
    media_type: str
    size: int
    pages: Sequence[tuple[str, int]]


@dataclass
class SourceText:
    """A document as the folder has it, and the rows of its text units (their places in the table) in order.

    With the pages of its `file` it stands for that file, so that this one is not added beside it. Without them it is a
    text of its own: the file can still be added, and then has its pages.
    """

    title: str
    text: str
    created_at: datetime | None
    file: SourceFile | None = None
    units: list[int] = field(default_factory=list)

    @property
    def has_pages(self) -> bool:
        """Whether the pages of the file are known."""
        pages = self.file.pages if self.file else ()
        return bool(pages) and sum(length for _, length in pages) == len(self.text)

    @property
    def name(self) -> str:
        """The file's name; the title where there is no file."""
        return (self.file.name if self.file else self.title).replace("/", "_")

    @property
    def media_type(self) -> str:
        """What kind of file it stands for."""
        return self.file.media_type if self.file and self.has_pages else TEXT_TYPE

    @property
    def size(self) -> int:
        """The bytes of the file that it stands for."""
        return self.file.size if self.file and self.has_pages else len(self.text.encode())

    @property
    def sha256(self) -> str:
        """The hash of the file that it stands for: of the text as a file in UTF-8 where that is another one."""
        if self.file and self.has_pages:
            return self.file.sha256
        return hashlib.sha256(self.text.encode()).hexdigest()

    def pages(self) -> Iterator[tuple[int, str | None, int, int, str]]:
        """Its pages: number, label, start, end, text. Together they are the text."""
        start = 0
        for number, (label, text) in enumerate(self._pages(), start=1):
            yield number, label or None, start, start + len(text), text
            start += len(text)

    def _pages(self) -> Iterator[tuple[str, str]]:
        if not self.file or not self.has_pages:
            yield from (("", text) for text in paginate([self.text]))
            return
        start = 0
        for label, length in self.file.pages:
            yield label, self.text[start : start + length]
            start += length


@dataclass(frozen=True)
class Home:
    """The stored document that a source's text units belong to: its id, its text, and where its pages begin in it."""

    document_id: str
    text: str
    page_starts: Sequence[int]


def source_texts(tables: Tables) -> list[SourceText]:
    """The documents in order, those with the same content once; each text unit belongs to one of them.

    Where the table of documents is missing, or does not know one, its text is that of its text units.
    """
    by_id: dict[str, SourceText] = {}
    for row in tables["documents"]:
        by_id[text_of(row["id"])] = SourceText(
            title=text_of(row.get("title")),
            text=_text(row.get("text")),
            created_at=moment_of(row.get("creation_date")),
            file=_file(row.get("raw_data")),
        )
    listed_by = {
        text_of(unit): text_of(row["id"]) for row in tables["documents"] for unit in list_of(row.get("text_unit_ids"))
    }
    for number, row in enumerate(tables["text_units"]):
        identity = _document_of(row) or listed_by.get(text_of(row["id"]), "")
        source = by_id.setdefault(identity, SourceText("", "", None))
        source.units.append(number)
    found: dict[str, SourceText] = {}
    for number, source in enumerate(by_id.values(), start=1):
        if not source.text.strip():
            source.text = "\n\n".join(_text(tables["text_units"][unit]["text"]) for unit in source.units)
        source.title = source.title or f"{UNNAMED} {number}"
        same = found.setdefault(source.sha256, source)
        if same.text != source.text:  # a folder that says so of two texts knows of neither which file it is
            source.file = None
            same = found.setdefault(source.sha256, source)
        if same is not source:
            same.units += source.units
    return [source for source in found.values() if source.text.strip()]


def placed_units(tables: Tables, sources: Sequence[SourceText], homes: Sequence[Home]) -> tuple[list[TextUnit], int]:
    """All text units in the order of their rows, and how many of them are not in their document word for word.

    Parameters:
      homes: for each source the document that it has become.
    """
    units: dict[int, TextUnit] = {}
    uncertain = 0
    for source, home in zip(sources, homes, strict=True):
        texts = [_text(tables["text_units"][number]["text"]) for number in source.units]
        for number, text, (start, certain) in zip(source.units, texts, places(home.text, texts), strict=True):
            uncertain += not certain
            units[number] = _unit(tables["text_units"][number], number, home, text, start)
    return [units[number] for number in sorted(units)], uncertain


def _unit(row: TableRow, number: int, home: Home, text: str, start: int) -> TextUnit:
    end = start + len(text)
    return TextUnit(
        id=content_id("imported text unit", home.document_id, number, text),
        number=number,
        document_id=home.document_id,
        start=start,
        end=end,
        first_page=max(1, bisect_right(home.page_starts, start)),
        last_page=max(1, bisect_right(home.page_starts, max(start, end - 1))),
        n_tokens=integer_of(row.get("n_tokens")) or 0,
        text=text,
    )


def _file(value: Any) -> SourceFile | None:
    """What our exports say in `raw_data`; upstream keeps there whatever record a document was read from."""
    if not isinstance(value, Mapping):
        return None
    name, sha256 = text_of(value.get("name")), text_of(value.get("sha256"))
    if not name or not _SHA256.fullmatch(sha256):
        return None
    size = integer_of(value.get("size")) or 0
    pages = value.get("pages")
    return SourceFile(
        name=name,
        sha256=sha256,
        media_type=text_of(value.get("media_type")) or TEXT_TYPE,
        size=min(max(size, 0), LARGEST_SIZE),
        pages=_pages_of(pages) if isinstance(pages, list) else (),
    )


def _pages_of(pages: Sequence[Any]) -> Sequence[tuple[str, int]]:
    """Labels and lengths; none at all where one is not as our exports write it."""
    found = []
    for page in pages:
        length = integer_of(page.get("characters")) if isinstance(page, Mapping) else None
        if length is None or length < 0:
            return ()
        found.append((text_of(page.get("label")), length))
    return found


def _document_of(row: TableRow) -> str:
    if (identity := text_of(row.get("document_id"))) or "document_ids" not in row:
        return identity
    listed = list_of(row["document_ids"])  # up to 2.x; the first one, as upstream's own migration takes it
    return text_of(listed[0]) if listed else ""


def _text(value: object) -> str:
    # a form feed is a page break for `paginate`, which leaves it out: places must not move
    return text_of(value).replace("\f", "\n")
