"""DOCX (Office Open XML, ECMA-376 part 1), streamed: no tree is built, so the size of the text does not matter.

Pages: explicit page breaks, and the places where the program that saved the file broke the page
(`lastRenderedPageBreak`). Without either, about 3,000 characters (see `paginate`). Headings begin with `#`, list
items with `-` or their number, cells are separated by ` | `; foot- and endnotes follow at the end. Headers, footers,
comments, hidden and deleted text are left out. A part that cannot be read, other than the text itself, is a gap
behind the last page.
"""

import codecs
import email
import email.policy
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fileintel.documents import xml_reading
from fileintel.documents.archive import Archive
from fileintel.documents.document import BadPart, Parsed, RawPage, Source, Unreadable
from fileintel.documents.encoding import EncodingScan
from fileintel.documents.encoding_labels import ERRORS
from fileintel.documents.formats import html
from fileintel.documents.markup import MarkupText
from fileintel.documents.paginate import paginate
from fileintel.documents.word.body import Body
from fileintel.documents.word.numbering import Numbering
from fileintel.documents.word.styles import Styles
from fileintel.documents.word.xml_names import local

RELATIONS = "_rels/.rels"
CORE = "docProps/core.xml"
NAMES = {
    "creator": "author",
    "subject": "subject",
    "keywords": "keywords",
    "language": "language",
    "created": "created",
    "modified": "modified",
    "description": "description",
}
NOTES = {"footnotes": ("footnote", ""), "endnotes": ("endnote", "e")}
CHUNK = "aFChunk"  # the kind of relationship by which a text includes another file
PAGES_OF_WEB = (".htm", ".html", ".xhtml", ".mht", ".mhtml")
OTHER_CHUNK = "is included in a format that is not read; save the document again in Word"


@dataclass(frozen=True, slots=True)
class _Parts:
    """The parts of the package that the text leads to, and what of them could not be read."""

    archive: Archive
    main: str
    relations: list[tuple[str, str, str]]  # id, kind, name of the entry
    gaps: dict[str, str] = field(default_factory=dict)  # a part's name → why it cannot be read

    def of_kind(self, kind: str) -> str | None:
        """The part that the text leads to under that kind of relationship, or where it mostly is."""
        folder = posixpath.dirname(self.main)
        names = [name for _, each, name in self.relations if each == kind]
        names.append(posixpath.join(folder, f"{kind}.xml"))
        return next((name for name in names if name in self.archive.names), None)

    def tree(self, kind: str) -> Any:
        """The root of such a part; None if there is none, or none that can be read."""
        name = self.of_kind(kind)
        try:
            return xml_reading.tree(self.archive.read(name)) if name else None
        except BadPart as error:
            self.gaps[str(name)] = str(error)
            return None


def parse(source: Source) -> Parsed:
    """Read the main part of the package; its text follows as it is parsed.

    Raises:
        Unreadable: the archive is damaged, a bomb or protected, or has no main part.
    """
    archive = Archive(source.stream, source.limits)
    main = _main_part(archive)
    title, metadata = _facts(archive)
    parts = _Parts(archive, main, _relations(archive, main))
    return Parsed(_pages(parts), title, metadata)


def _pages(parts: _Parts) -> Iterator[RawPage]:
    for page in paginate(_text(parts)):
        yield RawPage(page)
    for name, gap in parts.gaps.items():
        yield RawPage("", posixpath.basename(name), gap)


def _main_part(archive: Archive) -> str:
    if RELATIONS in archive.names:
        for _, kind, name in _relations(archive, ""):
            if kind == "officeDocument" and name in archive.names:
                return name
    if "word/document.xml" in archive.names:
        return "word/document.xml"
    raise Unreadable("is a damaged DOCX (it has no text part); copy or download it again")


def _relations(archive: Archive, part: str) -> list[tuple[str, str, str]]:
    """The id, kind and target of each relationship of a part; "" is the package."""
    folder, name = posixpath.split(part)
    file = posixpath.join(folder, "_rels", f"{name}.rels")
    if file not in archive.names:
        return []
    found = []
    try:
        for relation in xml_reading.tree(archive.read(file)):
            kind = str(relation.get("Type", "")).rpartition("/")[2]
            target = posixpath.normpath(posixpath.join("/", folder, str(relation.get("Target", "")))).lstrip("/")
            found.append((str(relation.get("Id", "")), kind, target))
    except BadPart:
        return []
    return found


def _facts(archive: Archive) -> tuple[str, dict[str, str]]:
    title, metadata = "", {}
    try:
        elements = list(xml_reading.tree(archive.read(CORE))) if CORE in archive.names else []
    except BadPart:
        return "", {}  # the text is none the worse for it
    for element in elements:
        name, value = local(str(element.tag)), (element.text or "").strip()
        if name == "title":
            title = value
        elif value and name in NAMES:
            metadata[NAMES[name]] = value
    return title, metadata


def _text(parts: _Parts) -> Iterator[str]:
    styles = Styles(parts.tree("styles"))
    numbering = Numbering(parts.tree("numbering"), styles.lists())
    body = Body(styles, numbering, chunks=_chunks(parts))
    yield from _read(parts, parts.main, body)
    for kind, (tag, mark) in NOTES.items():
        if name := parts.of_kind(kind):
            yield from _read(parts, name, Body(styles, numbering, note_tag=tag, note_mark=mark))


def _read(parts: _Parts, name: str, body: Body) -> Iterator[str]:
    """The text of a part. What stands before the place where it breaks is kept."""
    has_text = name != parts.main
    try:
        for _ in xml_reading.feed(parts.archive.blocks(name), body):
            text = body.take()
            has_text |= bool(text.strip())
            yield text
        yield body.take()
    except BadPart as error:
        body.close()
        text = body.take()
        if not has_text and not text.strip():
            raise
        parts.gaps[name] = str(error)
        yield text


def _chunks(parts: _Parts) -> dict[str, str]:
    """The text of the files that the text includes, by the id under which it names them."""
    found = {}
    for identity, kind, name in parts.relations:
        if kind != CHUNK:
            continue
        try:
            found[identity] = _chunk(parts.archive.read(name), name.lower()).strip() + "\n\n"
        except Unreadable as error:
            parts.gaps[name] = str(error)
    return found


def _chunk(content: bytes, name: str) -> str:
    if name.endswith((".mht", ".mhtml")):
        message = email.message_from_bytes(content, policy=email.policy.default)
        page = message.get_body(("html", "plain"))
        if page is None:
            raise BadPart(OTHER_CHUNK)
        text = page.get_content()
        return "".join(html.html_text(iter([text]), MarkupText())) if page.get_content_subtype() == "html" else text
    if not name.endswith((*PAGES_OF_WEB, ".txt", ".xml")) or content.startswith((b"{\\rtf", b"PK\x03\x04")):
        raise BadPart(OTHER_CHUNK)
    scan = EncodingScan()
    scan.feed(content, final=True)
    text = codecs.decode(content, scan.encoding(), ERRORS)
    return text if name.endswith(".txt") else "".join(html.html_text(iter([text]), MarkupText()))
