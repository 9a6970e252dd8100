"""The documents of an index folder and the places of their text units."""

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fileintel.documents.paginate import paginate
from fileintel.graphrag.imports.folder import TableRow, Tables
from fileintel.graphrag.imports.placing import places
from fileintel.graphrag.imports.values import integer_of, list_of, moment_of, text_of
from fileintel.graphrag.model import TextUnit
from fileintel.identity import content_id

UNNAMED = "document"  # the name of a document whose table is missing, before its number


@dataclass
class SourceText:
    """A document as the folder has it, and the rows of its text units (their places in the table) in order."""

    title: str
    text: str
    created_at: datetime | None
    units: list[int] = field(default_factory=list)

    @property
    def sha256(self) -> str:
        """The hash of the text as a file in UTF-8."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def pages(self) -> Iterator[tuple[int, None, int, int, str]]:
        """Its pages: number, label, start, end, text. Together they are the text."""
        start = 0
        for number, text in enumerate(paginate([self.text]), start=1):
            yield number, None, start, start + len(text), text
            start += len(text)


def source_texts(tables: Tables) -> list[SourceText]:
    """The documents in order, those with the same text once; each text unit belongs to one of them.

    Where the table of documents is missing, or does not know one, its text is that of its text units.
    """
    by_id: dict[str, SourceText] = {}
    for row in tables["documents"]:
        text = _text(row.get("text"))
        by_id[text_of(row["id"])] = SourceText(text_of(row.get("title")), text, moment_of(row.get("creation_date")))
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
        same = found.setdefault(source.text, source)
        if same is not source:
            same.units += source.units
    return [source for source in found.values() if source.text.strip()]


def placed_units(
    tables: Tables, sources: Sequence[SourceText], document_ids: Mapping[str, str]
) -> tuple[list[TextUnit], int]:
    """All text units in the order of their rows, and how many of them are not in their document word for word.

    Parameters:
      document_ids: by the hash of the text.
    """
    units: dict[int, TextUnit] = {}
    uncertain = 0
    for source in sources:
        texts = [_text(tables["text_units"][number]["text"]) for number in source.units]
        starts = [start for _, _, start, _, _ in source.pages()]
        for number, text, (start, certain) in zip(source.units, texts, places(source.text, texts), strict=True):
            uncertain += not certain
            row = tables["text_units"][number]
            units[number] = _unit(row, number, document_ids[source.sha256], text, start, starts)
    return [units[number] for number in sorted(units)], uncertain


def _unit(row: TableRow, number: int, document_id: str, text: str, start: int, page_starts: Sequence[int]) -> TextUnit:
    end = start + len(text)
    return TextUnit(
        id=content_id("imported text unit", document_id, number, text),
        number=number,
        document_id=document_id,
        start=start,
        end=end,
        first_page=max(1, bisect_right(page_starts, start)),
        last_page=max(1, bisect_right(page_starts, max(start, end - 1))),
        n_tokens=integer_of(row.get("n_tokens")) or 0,
        text=text,
    )


def _document_of(row: TableRow) -> str:
    if (identity := text_of(row.get("document_id"))) or "document_ids" not in row:
        return identity
    listed = list_of(row["document_ids"])  # up to 2.x; the first one, as upstream's own migration takes it
    return text_of(listed[0]) if listed else ""


def _text(value: object) -> str:
    # a form feed is a page break for `paginate`, which leaves it out: places must not move
    return text_of(value).replace("\f", "\n")
