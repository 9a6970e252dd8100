"""Plain text and Markdown: kept as written, but for line ends and what `clean_text` drops.

Pages: form feeds are page breaks; else about 3,000 characters, cut at a paragraph's end (see `paginate`).
"""

import codecs
import io
import itertools
import re
from collections.abc import Iterator
from typing import BinaryIO

from fileintel.documents.data_addresses import without_data_addresses
from fileintel.documents.document import Parsed, RawPage, Source
from fileintel.documents.encoding_labels import ERRORS
from fileintel.documents.front_matter import front_matter
from fileintel.documents.paginate import paginate

BLOCK = 64 * 1024  # bytes

# "# Title" of Markdown, as the first line with anything on it
FIRST_HEADING = re.compile(r"\s*#\s+(\S[^\n]*?)\s*#*\s*(?:\n|$)")
FRONT_MATTER = re.compile(r"\ufeff?---\n(.*?)\n(?:---|\.\.\.)\n", re.S)


def parse(source: Source) -> Parsed:
    """Read the text in `source.encoding`; bytes that do not decode become U+FFFD."""
    fragments = decoded(source.stream, source.encoding or "utf-8")
    first = next(fragments, "")
    front = FRONT_MATTER.match(first)
    facts = front_matter(front.group(1)) if front else {}
    heading = FIRST_HEADING.match(first, front.end() if front else 0)
    title = facts.pop("title", "") or (heading.group(1) if heading else "")
    pages = (RawPage(text) for text in paginate(without_data_addresses(itertools.chain([first], fragments))))
    return Parsed(pages, title, facts)


def decoded(stream: BinaryIO, encoding: str) -> Iterator[str]:
    """The text of `stream` in fragments, with `\\n` line ends."""
    decoder = codecs.getincrementaldecoder(encoding)(ERRORS)
    lines = io.IncrementalNewlineDecoder(decoder, translate=True)
    while block := stream.read(BLOCK):
        if text := lines.decode(block):
            yield text
    if text := lines.decode(b"", final=True):
        yield text
