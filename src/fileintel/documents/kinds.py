"""Which formats there are, and which one a file has: the content decides, and the name has to agree."""

import re
from dataclasses import dataclass
from pathlib import PurePath

from fileintel.documents.archive import Archive
from fileintel.documents.document import Source, Unreadable

HEAD = 4096  # bytes that are looked at


@dataclass(frozen=True, slots=True)
class Kind:
    """A format: the module `fileintel.documents.formats.<name>` reads it."""

    name: str
    media_type: str
    suffixes: tuple[str, ...]
    has_encoding: bool = False


PDF = Kind("pdf", "application/pdf", (".pdf",))
EPUB = Kind("epub", "application/epub+zip", (".epub",))
DOCX = Kind("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", (".docx",))
HTML = Kind("html", "text/html", (".html", ".htm", ".xhtml"), has_encoding=True)
MARKDOWN = Kind("text", "text/markdown", (".md", ".markdown"), has_encoding=True)
TEXT = Kind("text", "text/plain", (".txt", ".text"), has_encoding=True)

KINDS = (PDF, EPUB, DOCX, HTML, MARKDOWN, TEXT)
BY_SUFFIX = {suffix: kind for kind in KINDS for suffix in kind.suffixes}
SUPPORTED = ", ".join(sorted(BY_SUFFIX))

ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
OLE_START = bytes.fromhex("D0CF11E0A1B11AE1")
HTML_START = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s|<!--.*?-->|<\?xml.*?\?>)*<(?:!doctype\s+html|html[\s>])", re.I | re.S)
OTHER_ZIPS = {
    "xl/workbook.xml": "is an Excel workbook; save its sheets as text or PDF",
    "ppt/presentation.xml": "is a PowerPoint presentation; save it as PDF",
    "content.xml": "is an OpenDocument file; save it as .docx or PDF",
}


def suffix_of(name: str) -> str:
    """The ending of a file's name, with its dot and in lower case; "" where it has none."""
    return PurePath(name).suffix.lower()


def is_supported(name: str) -> bool:
    """Whether a file of that name would be looked at in a folder."""
    return suffix_of(name) in BY_SUFFIX


def unsupported(name: str) -> str:
    """Why a file is not taken, as the rest of a sentence that begins with its name."""
    suffix = suffix_of(name)
    what = f"{suffix} files" if suffix else "files without an ending"
    return f"is of no supported kind ({what}); supported are {SUPPORTED}"


def kind_of(name: str, head: bytes, source: Source) -> Kind:
    """The format of a file, from its name and its first bytes.

    Raises:
        Unreadable: no supported format, or a name that promises another one than is there.
    """
    suffix = suffix_of(name)
    named = BY_SUFFIX.get(suffix)
    if head.lstrip(b"\xef\xbb\xbf\0\t\n\f\r ").startswith(b"%PDF-") or (named is PDF and b"%PDF-" in head[:1024]):
        return PDF
    if head.startswith(ZIP_STARTS):
        return _kind_of_zip(source)
    if head.startswith(OLE_START):
        raise Unreadable(
            "is an Office file of the old kind, or protected by a password; save it as .docx without a password"
        )
    if named is None:
        raise Unreadable(unsupported(name))
    if not named.has_encoding:
        really = "it holds a web page, perhaps an error message" if HTML_START.match(head) else "or it is damaged"
        raise Unreadable(f"is named {suffix} but holds no {named.name.upper()} ({really}); get the file again")
    return HTML if HTML_START.match(head) else named


def _kind_of_zip(source: Source) -> Kind:
    names = Archive(source.stream, source.limits).names
    if "META-INF/container.xml" in names:
        return EPUB
    if any(name.startswith("word/") for name in names):
        return DOCX
    for name, what in OTHER_ZIPS.items():
        if name in names:
            raise Unreadable(what)
    raise Unreadable("is a zip archive and no document; unpack it and add the files in it")
