"""What a document is to the rest of the program: its facts, its pages and text units, and the limits on reading it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Page:
    """One page: `text == document_text[start:end]`. The document's text is its pages' texts, one after the other.

    `number` counts from 1; `label` is what is printed on the page ("iv") or the title of its chapter, if known.
    `start` and `end` count characters. `gap` says why the page could not be read, or only in part.
    """

    number: int
    label: str | None
    start: int
    end: int
    text: str
    gap: str | None = None


@dataclass(slots=True)
class TextUnit:
    """Characters `start` to `end` of a document, on pages `first_page` to `last_page`. `number` counts from 0: within
    the document where it is cut, within the index where it is part of one.

    The id follows from document, place and text, so that the same text has the same id wherever it is cut again.
    """

    id: str
    number: int
    document_id: str
    start: int
    end: int
    first_page: int
    last_page: int
    n_tokens: int
    text: str


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """The facts about a file: `sha256` in hex and `size` in bytes of the file as it is stored.

    `encoding` is the character encoding of formats that have one. `metadata` holds what the file says of itself:
    author, language, created, publisher, subject, keywords, description, identifier; only what is there.
    """

    sha256: str
    size: int
    media_type: str
    title: str
    encoding: str | None
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one file may cost. The parser's own overhead (about 100 MB of address space) is included.

    Parameters:
        max_bytes: size of the file.
        max_seconds: time that the parser may take, beside `seconds_per_megabyte` for each megabyte of the file.
            The time that the caller spends between two pages does not count.
        max_memory_bytes: address space of the parser's process.
        max_pages: pages of one document.
        max_expanded_bytes: what the entries of a DOCX or EPUB file may unpack to, all together.
        max_entries: entries of a DOCX or EPUB file.
    """

    max_bytes: int = 1024 * MEGABYTE
    max_seconds: float = 120.0
    seconds_per_megabyte: float = 2.0
    max_memory_bytes: int = 1024 * MEGABYTE
    max_pages: int = 500_000
    max_expanded_bytes: int = 1024 * MEGABYTE
    max_entries: int = 20_000

    def seconds_for(self, size: int) -> float:
        """The time for a file of `size` bytes."""
        return self.max_seconds + self.seconds_per_megabyte * size / MEGABYTE


class Unreadable(Exception):
    """Why a file cannot be read: the rest of a sentence that begins with the file's name, and what to do."""


class BadPart(Unreadable):
    """Why a part of a file cannot be read. The others may be sound: then it is a gap of the document."""


@dataclass(frozen=True, slots=True)
class Source:
    """An open file on its way into a format's `parse`."""

    stream: BinaryIO
    size: int
    limits: Limits
    encoding: str | None = None  # of text and HTML: a name that `codecs.lookup` knows


@dataclass(frozen=True, slots=True)
class RawPage:
    """A page as a format gives it, before `clean_text`."""

    text: str
    label: str | None = None
    gap: str | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a format's `parse` gives: facts that are known at once, and pages that come as they are read.

    `if_empty` says what to do about a file in which no page has text, as the rest of a sentence.
    """

    pages: Iterator[RawPage]
    title: str = ""
    metadata: dict[str, str] | None = None
    if_empty: str = "holds no text; leave it out"


def shown(path: str) -> str:
    """A path as it can stand in a one-line message: what does not print is escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in path)
