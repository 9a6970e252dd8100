"""EPUB 2 and 3: the XHTML files of the spine, in reading order (EPUB 3.3, sections 4 and 5).

Pages: one for each item of the spine, labelled with its first heading or title; an item of more than 50,000
characters is cut at paragraph ends, and its pages share the label. The table of contents is left out.
"""

import codecs
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from fileintel.documents import xml_reading
from fileintel.documents.archive import Archive
from fileintel.documents.document import Parsed, RawPage, Source, Unreadable
from fileintel.documents.encoding import EncodingScan
from fileintel.documents.formats import html
from fileintel.documents.markup import MarkupText
from fileintel.documents.paginate import paginate

CONTAINER = "META-INF/container.xml"
ENCRYPTION = "META-INF/encryption.xml"
LONGEST_PAGE = 50_000  # characters
CHAPTER_TYPES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document"})
# obfuscated fonts are no copy protection
FONT_OBFUSCATION = frozenset({"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"})
NAMES = {
    "creator": "author",
    "language": "language",
    "date": "created",
    "publisher": "publisher",
    "subject": "subject",
    "description": "description",
    "identifier": "identifier",
}
DAMAGED = "is a damaged EPUB; copy or download it again"
PROTECTED = "has copy protection (DRM); get a copy without it"


@dataclass(frozen=True, slots=True)
class _Package:
    title: str
    metadata: dict[str, str]
    chapters: list[str]  # names of entries


def parse(source: Source) -> Parsed:
    """Read the package; the chapters follow one by one.

    Raises:
        Unreadable: the archive is damaged, a bomb, protected, or names chapters that it lacks.
    """
    archive = Archive(source.stream, source.limits)
    package = _package(archive)
    if not _encrypted(archive).isdisjoint(package.chapters):
        raise Unreadable(PROTECTED)
    return Parsed(_pages(archive, package), package.title, package.metadata)


def _package(archive: Archive) -> _Package:
    container = xml_reading.tree(archive.read(CONTAINER))
    path = next((e.get("full-path") for e in _all(container, "rootfile") if e.get("full-path")), None)
    if path is None:
        raise Unreadable(DAMAGED)
    root = xml_reading.tree(archive.read(path))
    metadata: dict[str, str] = {}
    for name, key in NAMES.items():
        values = [value for e in _all(root, name) if (value := " ".join("".join(e.itertext()).split()))]
        if values:
            metadata[key] = ", ".join(dict.fromkeys(values)) if key in ("author", "subject") else values[0]
    titles = [" ".join("".join(e.itertext()).split()) for e in _all(root, "title")]
    return _Package(next(filter(None, titles), ""), metadata, _chapters(root, path))


def _chapters(root: Any, package_path: str) -> list[str]:
    folder = posixpath.dirname(package_path)
    items = {item.get("id"): item for item in _all(root, "item")}
    chapters = []
    for reference in _all(root, "itemref"):
        item = items.get(reference.get("idref"))
        if item is None or item.get("media-type") not in CHAPTER_TYPES:
            continue
        if "nav" not in (item.get("properties") or "").split():
            chapters.append(posixpath.normpath(posixpath.join(folder, unquote(item.get("href", "")))))
    return chapters


def _encrypted(archive: Archive) -> set[str]:
    """The entries that are encrypted in a way that no reader without a licence undoes."""
    if ENCRYPTION not in archive.names:
        return set()
    names = set()
    for data in _all(xml_reading.tree(archive.read(ENCRYPTION)), "EncryptedData"):
        methods = {method.get("Algorithm") for method in _all(data, "EncryptionMethod")}
        if not methods <= FONT_OBFUSCATION or not methods:
            names |= {unquote(reference.get("URI", "")).lstrip("/") for reference in _all(data, "CipherReference")}
    return names


def _pages(archive: Archive, package: _Package) -> Iterator[RawPage]:
    for name in package.chapters:
        target, text = _chapter(archive.read(name))
        text = text.strip()
        label = target.heading or (target.title if target.title != package.title else "")
        if not text:
            yield RawPage("", label or None)  # a picture, such as the cover; it is an item of the spine all the same
        for page in paginate([text + "\n\n"] if text else [], LONGEST_PAGE, LONGEST_PAGE):
            yield RawPage(page, label or None)


def _chapter(content: bytes) -> tuple[MarkupText, str]:
    """The text of a chapter: as XML, which it should be, else as the HTML that it often is."""
    target = MarkupText()
    try:
        return target, "".join(target.take() for _ in xml_reading.feed([content], target)) + target.take()
    except xml_reading.BrokenXML:
        pass
    scan = EncodingScan()
    scan.feed(content, final=True)
    target = MarkupText()
    text = codecs.decode(content, scan.encoding(), "replace")
    return target, "".join(html.html_text(iter([text]), target))


def _all(root: Any, name: str) -> Iterator[Any]:
    # by local name: books come with wrong and missing namespaces
    return (e for e in root.iter() if isinstance(e.tag, str) and e.tag.rpartition("}")[2] == name)
