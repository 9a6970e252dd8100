"""Reading XML that strangers wrote: no entities but plain characters, no network, bounded depth and text nodes."""

import codecs
import html
import html.entities
import re
from collections.abc import Iterable, Iterator
from typing import Any

from lxml import etree

from fileintel.documents.document import BadPart
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
# An entity of a file's own that stands for a few characters, and for no other entity, blows nothing up.
ENTITY = re.compile(
    r"""<!ENTITY\s+([A-Za-z_][\w.-]{0,38})\s+(?:"((?:[^"&%<]|&\#\w+;)*)"|'((?:[^'&%<]|&\#\w+;)*)')\s*>"""
)
LONGEST_ENTITY = 100  # characters
LONGEST_EXPANSION = 1_000_000  # characters of all of them in one part


class BrokenXML(BadPart):
    """The XML is not well-formed, or in an unknown encoding."""


def feed(blocks: Iterable[bytes], target: Any) -> Iterator[None]:
    """Parse the document in `blocks` into an lxml parser target; yields after each block.

    The target has an attribute `started`, true from the first element on: entities can be declared only before.

    Raises:
        Unreadable: the XML is broken or declares entities.
    """
    parser = etree.XMLParser(target=target, encoding="utf-8", resolve_entities=False, no_network=True, huge_tree=False)
    prolog = ""
    entities = _Entities()
    try:
        for text in _decoded(blocks):
            if not target.started:
                prolog = prolog[-LONGEST_NAME:] + text
                entities.declare(prolog)
            parser.feed(NAMED.sub(entities.character, text).encode("utf-8"))
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


class _Entities:
    """The characters that names stand for: HTML's, and those that the file declares."""

    def __init__(self) -> None:
        self._own: dict[str, str] = {}
        self._left = LONGEST_EXPANSION

    def declare(self, prolog: str) -> None:
        """Take the declarations in front of the first element.

        Raises:
            BadPart: one of them is more than a few characters.
        """
        if "<!ENTITY" not in prolog:
            return
        declared = {name: html.unescape(double or single) for name, double, single in ENTITY.findall(prolog)}
        harmless = len(ENTITY.findall(prolog)) == prolog.count("<!ENTITY")
        if not harmless or any(len(value) > LONGEST_ENTITY for value in declared.values()):
            raise BadPart(ENTITIES)
        self._own |= declared

    def character(self, found: "re.Match[str]") -> str:
        name = found.group(1)
        if name in XMLS_OWN:
            return found.group()
        character = self._own.get(name) or html.entities.html5.get(name + ";")
        if character is None:
            return found.group()
        self._left -= len(character)
        if self._left < 0 and name in self._own:
            raise BadPart(ENTITIES)
        # some names stand for characters that are markup
        return character.replace("&", "&amp;").replace("<", "&lt;")
