"""Cuts a document into text units, which know their pages. Index, search and citations count in them."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Protocol

from fileintel.config import ChunkingSettings
from fileintel.documents.document import TextUnit
from fileintel.documents.token_windows import TokenWindow, token_windows
from fileintel.identity import content_id
from fileintel.llm.tokenizer_file import counted_with
from fileintel.llm.tokens import Tokenizer
from fileintel.runtime import yield_to_hub


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
) -> Iterator[TextUnit]:
    """The text units of a document, in order; `pages` are read one after the other and not kept.

    Windows without a word in them are left out.

    Raises:
      ConfigError: the encoding is missing.
    """
    places = _Places()
    number = 0
    for window in token_windows(places.noted(pages), tokenizer, size=chunking.size, overlap=chunking.overlap):
        if window.text.strip():
            yield _text_unit(document_id, number, window, places)
            number += 1
        yield_to_hub()


def cut_name(chunking: ChunkingSettings) -> str:
    """Names the settings that decide how a document is cut. Text units of the same name are taken for the
    same: a change of how texts are cut has to change it.

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


def _text_unit(document_id: str, number: int, window: TokenWindow, places: _Places) -> TextUnit:
    return TextUnit(
        id=content_id("text unit", document_id, window.start, window.end, window.text),
        document_id=document_id,
        number=number,
        start=window.start,
        end=window.end,
        first_page=places.page_at(window.start),
        last_page=places.page_at(window.end - 1),
        n_tokens=window.n_tokens,
        text=window.text,
    )
