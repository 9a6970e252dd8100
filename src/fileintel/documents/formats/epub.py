"""EPUB 2 and 3: the XHTML files of the spine, in reading order (EPUB 3.3, sections 4 and 5).

Pages: one for each item of the spine, labelled with its first heading or title; an item of more than 50,000
characters is cut at paragraph ends, and its pages share the label. The table of contents is left out.
"""

import codecs
import posixpath
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from fileintel.documents import xml_reading
from fileintel.documents.archive import Archive
from fileintel.documents.document import BadPart, Parsed, RawPage, Source, Unreadable
from fileintel.documents.encoding import EncodingScan
from fileintel.documents.formats import html
from fileintel.documents.markup import MarkupText
from fileintel.documents.paginate import paginate

CONTAINER = "META-INF/container.xml"
ENCRYPTION = "META-INF/encryption.xml"
LONGEST_PAGE = 50_000  # characters
# what a chapter may be called; books come with wrong types, and with none
CHAPTER_TYPES = frozenset(
    {"application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document"}
    | {"text/xml", "application/xml", "application/xhtml", "application/html", "text/xhtml", "text/xhtml+xml"}
)
CHAPTER_NAMES = (".xhtml", ".html", ".htm", ".xml", ".xht")
MAX_FALLBACKS = 10
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
    chapters: list["_Chapter"]


@dataclass(frozen=True, slots=True)
class _Chapter:
    """An item of the spine: the name of its entry, or why there is none."""

    name: str
    gap: str | None = None


def parse(source: Source) -> Parsed:
    """Read the package; the chapters follow one by one.

    Raises:
        Unreadable: the archive is damaged, a bomb or protected. A chapter that is missing is a gap.
    """
    archive = Archive(source.stream, source.limits)
    package = _package(archive)
    if not _encrypted(archive).isdisjoint(chapter.name for chapter in package.chapters):
        raise Unreadable(PROTECTED)
    return Parsed(_pages(archive, package), package.title, package.metadata)


def _package(archive: Archive) -> _Package:
    container = xml_reading.tree(archive.read(CONTAINER))
    path = next((e.get("full-path") for e in _all(container, "rootfile") if e.get("full-path")), None)
    if path is None:
        raise Unreadable(DAMAGED)
    packages = sorted(name for name in archive.names if name.lower().endswith(".opf"))
    path = _entry(archive, "", path) or next(iter(packages), path)
    root = xml_reading.tree(archive.read(path))
    metadata: dict[str, str] = {}
    for name, key in NAMES.items():
        values = [value for e in _all(root, name) if (value := " ".join("".join(e.itertext()).split()))]
        if values:
            metadata[key] = ", ".join(dict.fromkeys(values)) if key in ("author", "subject") else values[0]
    titles = [" ".join("".join(e.itertext()).split()) for e in _all(root, "title")]
    return _Package(next(filter(None, titles), ""), metadata, _chapters(archive, root, path))


def _chapters(archive: Archive, root: Any, package_path: str) -> list[_Chapter]:
    folder = posixpath.dirname(package_path)
    items = {item.get("id"): item for item in _all(root, "item")}
    chapters = []
    for reference in _all(root, "itemref"):
        identity = reference.get("idref")
        if identity not in items:
            chapters.append(_Chapter("", f"is damaged: its spine names {identity!r}, which is no part of the book"))
            continue
        item = _readable(items, items[identity])
        if item is None or "nav" in (item.get("properties") or "").split():
            continue
        href = item.get("href") or ""
        name = _entry(archive, folder, href)
        if name and any(chapter.name == name for chapter in chapters[-MAX_FALLBACKS:]):
            continue  # the same file under another fragment
        missing = f"is damaged: its part {_joined(folder, href)!r} is missing; copy or download it again"
        chapters.append(_Chapter(name or _joined(folder, href), None if name else missing))
    return chapters


def _readable(items: dict[str, Any], item: Any) -> Any:
    """The item, or the one that stands in for it (EPUB 3.3, 3.5.1); None if no reading system shows text of it."""
    for _ in range(MAX_FALLBACKS):
        if _is_chapter(item):
            return item
        if (item := items.get(item.get("fallback"))) is None:
            break
    return None


def _is_chapter(item: Any) -> bool:
    media_type = (item.get("media-type") or "").partition(";")[0].strip().lower()
    if media_type in CHAPTER_TYPES:
        return True
    name = unquote(item.get("href") or "").partition("#")[0].lower()
    other = media_type.startswith(("image/", "audio/", "video/", "font/", "application/")) and media_type not in (
        "application/octet-stream",
        "application/unknown",
    )
    return not other and name.endswith(CHAPTER_NAMES)


def _joined(folder: str, reference: str) -> str:
    path = unquote(reference.strip()).partition("#")[0].partition("?")[0].replace("\\", "/")
    base = "" if path.startswith("/") else folder
    return posixpath.normpath(posixpath.join(base, path.lstrip("/"))).lstrip("/")


def _entry(archive: Archive, folder: str, reference: str) -> str | None:
    """The entry that a reference means: books name them in other cases, with fragments, and from other folders."""
    literal = posixpath.normpath(posixpath.join(folder, reference))  # a name may hold % and #
    wanted = _joined(folder, reference)
    rooted = _joined(folder, reference.lstrip("/"))
    for name in (wanted, literal, rooted, _without_parents(wanted), _joined("", reference)):
        if name in archive.names:
            return name
    alike = {_folded(name): name for name in archive.names}
    return alike.get(_folded(wanted)) or alike.get(_folded(rooted)) or alike.get(_folded(_without_parents(wanted)))


def _without_parents(name: str) -> str:
    """`../x` from the top of the archive leads nowhere else."""
    return "/".join(part for part in name.split("/") if part not in ("..", "."))


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unquote(name).replace("\\", "/")).casefold().lstrip("/")


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
    for chapter in package.chapters:
        if chapter.gap:
            yield RawPage("", posixpath.basename(chapter.name) or None, chapter.gap)
            continue
        try:
            target, text = _chapter(archive.read(chapter.name))
        except BadPart as error:
            yield RawPage("", posixpath.basename(chapter.name), str(error))
            continue
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
