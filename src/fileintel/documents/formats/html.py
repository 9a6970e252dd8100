"""HTML, by lxml's lenient parser, streamed: no tree is built, so the size of the page does not matter.

Pages: about 3,000 characters, cut at a paragraph's end (see `paginate`). The title is that of `<title>`, else the
first heading.
"""

import itertools
from collections.abc import Iterator
from typing import Any

from lxml import etree

from fileintel.documents.document import Parsed, RawPage, Source
from fileintel.documents.formats import text
from fileintel.documents.markup import MarkupText
from fileintel.documents.paginate import paginate


def parse(source: Source) -> Parsed:
    """Read the page in `source.encoding`."""
    target = MarkupText()
    fragments = html_text(text.decoded(source.stream, source.encoding or "utf-8"), target)
    first = next(fragments, "")  # the head is read by then
    pages = (RawPage(page) for page in paginate(itertools.chain([first], fragments)))
    return Parsed(pages, target.title or target.heading, target.metadata)


def _close(parser: etree.HTMLParser) -> None:
    try:
        parser.close()
    except etree.XMLSyntaxError as error:
        if "Memory allocation" in str(error):
            raise MemoryError from error
        # all that an HTML parser still takes for an error is a page without any element, which then has no text


def html_text(fragments: Iterator[str], target: Any) -> Iterator[str]:
    """The text of the HTML that the `fragments` make up, by way of a `MarkupText`."""
    # our own decoder has been at work, so a charset that the page declares must not count any more
    parser = etree.HTMLParser(target=target, encoding="utf-8", no_network=True, huge_tree=True)
    fed = False
    for fragment in fragments:
        fed = True
        # NUL would end the text for libxml2
        parser.feed(fragment.replace("\0", "").encode("utf-8", "replace"))
        if taken := target.take():
            yield taken
    if fed:
        _close(parser)
    yield target.take() + "\n"
