"""Reading XML that strangers wrote: no entities of its own, no network, bounded depth and text nodes."""

import codecs
import html.entities
import re
from collections.abc import Iterable, Iterator
from typing import Any

from lxml import etree

from fileintel.documents.document import Unreadable
from fileintel.documents.encoding_labels import text_codec

DAMAGED = "is damaged inside (its XML is broken); copy or download it again"
ENTITIES = "declares XML entities of its own, which can blow up a reader; leave it out"

BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
NO_BOMS = ((b"<\0?\0", "utf-16-le"), (b"\0<\0?", "utf-16-be"))
DECLARED = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9_.:-]+)")
DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")

# HTML's names, which XHTML takes from a DTD that is never loaded; libxml2 would drop them silently
NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,30});")
XMLS_OWN = frozenset({"lt", "gt", "amp", "quot", "apos"})
LONGEST_NAME = 40  # characters


class BrokenXML(Unreadable):
    """The XML is not well-formed, or in an unknown encoding."""


def feed(blocks: Iterable[bytes], target: Any) -> Iterator[None]:
    """Parse the document in `blocks` into an lxml parser target; yields after each block.

    The target has an attribute `started`, true from the first element on: entities can be declared only before.

    Raises:
        Unreadable: the XML is broken or declares entities.
    """
    parser = etree.XMLParser(target=target, encoding="utf-8", resolve_entities=False, no_network=True, huge_tree=False)
    prolog = ""
    try:
        for text in _decoded(blocks):
            if not target.started:
                prolog = prolog[-LONGEST_NAME:] + text
                if "<!ENTITY" in prolog:
                    raise Unreadable(ENTITIES)
            parser.feed(NAMED.sub(_character, text).encode("utf-8"))
            yield
        parser.close()
    except (etree.XMLSyntaxError, UnicodeError) as error:
        if "Memory allocation" in str(error):
            raise MemoryError from error
        raise BrokenXML(DAMAGED) from error


def tree(content: bytes) -> Any:
    """The root element of a small document (an EPUB's package, a DOCX's styles).

    Raises:
        Unreadable: the XML is broken or declares entities.
    """
    builder = _Builder()
    for _ in feed([content], builder):
        pass
    return builder.root


class _Builder:
    """A tree built by way of `feed`, so that all XML goes through the same guard."""

    def __init__(self) -> None:
        self.started = False
        self.root: Any = None
        self._builder = etree.TreeBuilder()

    def start(self, tag: str, attributes: Any) -> None:
        self.started = True
        self._builder.start(tag, dict(attributes))

    def end(self, tag: str) -> None:
        self._builder.end(tag)

    def data(self, text: str) -> None:
        self._builder.data(text)

    def close(self) -> None:
        self.root = self._builder.close()


def _decoded(blocks: Iterable[bytes]) -> Iterator[str]:
    """The text of the blocks without XML declaration, so cut that no entity's name is torn."""
    decoder: codecs.IncrementalDecoder | None = None
    held = ""
    for block in blocks:
        if decoder is None:
            decoder = codecs.getincrementaldecoder(_encoding(block))("strict")
            text = DECLARATION.sub("", decoder.decode(block), count=1)
        else:
            text = held + decoder.decode(block)
        torn = text.rfind("&", max(0, len(text) - LONGEST_NAME))
        cut = torn if torn >= 0 and ";" not in text[torn:] else len(text)
        yield text[:cut]
        held = text[cut:]
    if decoder is not None:
        yield held + decoder.decode(b"", True)


def _encoding(start: bytes) -> str:
    for beginning, encoding in (*BOMS, *NO_BOMS):
        if start.startswith(beginning):
            return encoding
    declared = DECLARED.match(start.lstrip())
    name = text_codec(declared.group(1).decode("ascii")) if declared else "utf-8"
    if name is None:
        raise BrokenXML(DAMAGED)
    return name


def _character(found: "re.Match[str]") -> str:
    name = found.group(1)
    if name in XMLS_OWN:
        return found.group()
    character = html.entities.html5.get(name + ";")
    # some names stand for characters that are markup
    return found.group() if character is None else character.replace("&", "&amp;").replace("<", "&lt;")
