"""Passages: a document's chunks with the pages that they stand on. Index, search and citations count in them."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from fileintel.config import ChunkingSettings
from fileintel.documents.chunk import Chunk, chunk_text
from fileintel.identity import content_id
from fileintel.llm.tokenizer_file import counted_with
from fileintel.llm.tokens import Tokenizer
from fileintel.runtime import yield_to_hub


@dataclass(frozen=True, slots=True)
class Passage:
    """Characters `start` to `end` of a document, on pages `first_page` to `last_page`; `number` counts from 0.

    The id follows from all of it, so that the same text has the same id wherever it is cut again.
    """

    id: str
    document_id: str
    number: int
    start: int
    end: int
    first_page: int
    last_page: int
    n_tokens: int
    text: str


class PageText(Protocol):
    """A page, as far as cutting needs it: `start` counts characters of the document."""

    @property
    def number(self) -> int: ...
    @property
    def start(self) -> int: ...
    @property
    def text(self) -> str: ...


def cut(
    document_id: str, pages: Iterable[PageText], tokenizer: Tokenizer, chunking: ChunkingSettings
) -> Iterator[Passage]:
    """The passages of a document, in order; `pages` are read one after the other and not kept.

    Chunks without a word in them are left out.

    Raises:
      ConfigError: the encoding is missing.
    """
    places = _Places()
    number = 0
    for chunk in chunk_text(places.noted(pages), tokenizer, size=chunking.size, overlap=chunking.overlap):
        if chunk.text.strip():
            yield _passage(document_id, number, chunk, places)
            number += 1
        yield_to_hub()


def cut_name(chunking: ChunkingSettings) -> str:
    """Names the settings that decide how a document is cut. Passages of the same name are taken for the same: whoever
    changes how texts are cut has to change it.

    Raises:
      ConfigError: the tokenizer's file cannot be read.
    """
    return f"{counted_with(chunking)}/{chunking.size}/{chunking.overlap}"


class _Places:
    """Remembers where each page begins, while the pages pass by."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._numbers: list[int] = []

    def noted(self, pages: Iterable[PageText]) -> Iterator[str]:
        for page in pages:
            self._starts.append(page.start)
            self._numbers.append(page.number)
            yield page.text

    def page_at(self, offset: int) -> int:
        """The number of the page that holds this character."""
        return self._numbers[max(0, bisect_right(self._starts, offset) - 1)]


def _passage(document_id: str, number: int, chunk: Chunk, places: _Places) -> Passage:
    return Passage(
        id=content_id("text unit", document_id, chunk.start, chunk.end, chunk.text),
        document_id=document_id,
        number=number,
        start=chunk.start,
        end=chunk.end,
        first_page=places.page_at(chunk.start),
        last_page=places.page_at(chunk.end - 1),
        n_tokens=chunk.n_tokens,
        text=chunk.text,
    )
