"""Small documents of each kind, made by hand."""

import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

CONTAINER = (
    '<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0">'
    '<rootfiles><rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles>'
    "</container>"
)
DRM = (
    '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" xmlns:e="http://www.w3.org/2001/04/xmlenc#">'
    '<e:EncryptedData><e:EncryptionMethod Algorithm="{algorithm}"/>'
    '<e:CipherData><e:CipherReference URI="{uri}"/></e:CipherData></e:EncryptedData></encryption>'
)
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def zipped(entries: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()


def chapter(body: str, title: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml">'
        f"<head><title>{title}</title></head><body>{body}</body></html>"
    )


def epub(
    chapters: Mapping[str, str | bytes], extra: Mapping[str, str | bytes] | None = None, title: str = "Book"
) -> bytes:
    items = "".join(
        f'<item id="i{n}" href="{name.replace(" ", "%20")}" media-type="application/xhtml+xml"/>'
        for n, name in enumerate(chapters)
    )
    spine = "".join(f'<itemref idref="i{n}"/>' for n in range(len(chapters)))
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
        f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title>'
        "<dc:creator>Ann Author</dc:creator><dc:creator>Ben Author</dc:creator><dc:language>en</dc:language></metadata>"
        '<manifest><item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>'
        f"{items}</manifest>"
        f'<spine><itemref idref="nav"/>{spine}</spine></package>'
    )
    entries: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OEBPS/book.opf": package,
        "OEBPS/nav.xhtml": chapter("<p>table of contents</p>"),
    }
    entries |= {f"OEBPS/{name}": content for name, content in chapters.items()}
    return zipped(entries | dict(extra or {}))


def docx(body: str, extra: Mapping[str, str | bytes] | None = None, prolog: str = "") -> bytes:
    document = f'<?xml version="1.0"?>{prolog}<w:document {W}><w:body>{body}</w:body></w:document>'
    return zipped({"word/document.xml": document, **(extra or {})})


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def overlapping(archive: bytes, copies: int) -> bytes:
    """An archive whose first entry is listed under `copies` more names."""
    end = archive.rindex(b"PK\x05\x06")
    count, size, start = struct.unpack("<HLL", archive[end + 10 : end + 20])
    directory = archive[start : start + size]
    length = 46 + sum(struct.unpack("<HHH", directory[28:34]))
    first, name_end = directory[:length], 46 + struct.unpack("<H", directory[28:30])[0]
    for n in range(copies):
        name = f"{n:0{name_end - 46}d}".encode()
        directory += first[:46] + name + first[name_end:]
    total = count + copies
    tail = struct.pack("<4s4HLLH", b"PK\x05\x06", 0, 0, total, total, len(directory), start, 0)
    return archive[:start] + directory + tail


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
