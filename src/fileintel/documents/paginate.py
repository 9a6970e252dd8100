"""Pages for texts that have none of their own."""

import re
from collections.abc import Iterable, Iterator

PAGE = 3_000  # characters, about one printed page
# A page break (form feed) within this many characters makes the page, however much longer than PAGE it is: a printed
# page of RFC text or of small print is longer than 3,000 characters, and its number should stay right.
LONGEST_PAGE = 8_000

PARAGRAPH_END = re.compile(r"\n[ \t]*\n\s*")
LINE_END = re.compile(r"\n")
SENTENCE_END = re.compile(r"[.!?]['\")\]]* |[。！？]")
SPACE = re.compile(r"\s")


def paginate(fragments: Iterable[str], page: int = PAGE, longest: int = LONGEST_PAGE) -> Iterator[str]:
    """The pages of the text that `fragments` make up: cut at form feeds, else at a paragraph's end near `page`.

    A form feed is replaced by a line end. Otherwise the pages together are the text, unchanged. No page is longer
    than `longest` characters; at most that and one fragment are held.
    """
    buffer, start = "", 0
    for fragment in fragments:
        buffer, start = buffer[start:] + fragment, 0
        while len(buffer) - start > longest:
            text, start = _next_page(buffer, start, page, longest)
            yield text
    while start < len(buffer):
        text, start = _next_page(buffer, start, page, longest)
        yield text


def _next_page(buffer: str, start: int, page: int, longest: int) -> tuple[str, int]:
    """The page that begins at `start`, and where the next one begins."""
    end = buffer.find("\f", start, start + longest)
    if end >= 0:
        text = buffer[start:end]
        return (text if text.endswith("\n") or not text else text + "\n"), end + 1
    if len(buffer) - start <= min(page * 3 // 2, longest):  # the end of the text: no last page of two lines
        return buffer[start:], len(buffer)
    end = _good_end(buffer, start, page, min(start + longest, len(buffer)))
    return buffer[start:end], end


def _good_end(buffer: str, start: int, page: int, limit: int) -> int:
    earliest, wanted, latest = start + page // 2, start + page, min(start + page * 3 // 2, limit)
    for pattern in (PARAGRAPH_END, LINE_END, SENTENCE_END, SPACE):
        ends = [found.end() for found in pattern.finditer(buffer, earliest, latest)]
        if ends:
            return min(ends, key=lambda end: abs(end - wanted))
    end = min(wanted, limit)
    # better not before a combining mark, which belongs to the character before it
    while end > earliest and "\u0300" <= buffer[end : end + 1] <= "\u036f":
        end -= 1
    return end
