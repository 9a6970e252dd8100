"""What cannot be read is refused with one line that names the file and says what to do; the next file is read."""

import io
import os
import zipfile
from pathlib import Path

import pytest

from fileintel import errors
from fileintel.documents.document import Unreadable
from fileintel.documents.load import DocumentReader
from fileintel.documents.parse_worker import open_regular

from .pdf_writer import write_pdf
from .samples import DRM, chapter, docx, epub, overlapping, paragraph, write, zipped

LAUGHS = (
    "<!DOCTYPE lolz [<!ENTITY a 'ha'>"
    + "".join(f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)
RANDOM = os.urandom(20_000)
PDF = write_pdf([f"Page {n}" for n in range(9)])
BOOK = {"a.xhtml": chapter("<p>text</p>")}


def refusal(reader: DocumentReader, path: Path | str) -> str:
    with pytest.raises(errors.DocumentError) as refused:
        list(reader.read(path)[1])
    message = str(refused.value)
    assert len(message.splitlines()) == 1
    assert ";" in message or "supported are" in message  # what is wrong; what to do
    return message


CASES = {
    "empty.txt": (b"", "is empty"),
    "blank.txt": (b" \n\t\r\n" * 1000, "holds no text"),
    "invisible.txt": ("\ufeff\u00a0\u200b \n\u200e\u2060\u3000".encode(), "holds no text"),
    "invisible.md": ("\u200b".encode() * 5000, "holds no text"),
    "invisible.html": (b"<html><body><p>&nbsp;&#8203;&zwj;</p></body></html>", "holds no text"),
    "blank.html": (b"<html><body> </body></html>", "holds no text"),
    "blank.docx": (docx(paragraph(" ")), "holds no text"),
    "blank.epub": (epub({"a.xhtml": chapter(" ")}), "holds no text"),
    "junk.txt": (RANDOM, "looks like binary data"),
    "junk.md": (RANDOM, "looks like binary data"),
    "nul.txt": (b"\0" * 5000, "looks like binary data"),
    "junk.pdf": (RANDOM, "holds no PDF"),
    "junk.epub": (RANDOM, "holds no EPUB"),
    "error.pdf": (b"<!DOCTYPE html><html><body>Not found</body></html>", "holds a web page"),
    "damaged.pdf": (b"%PDF-1.4\n" + RANDOM + b"\n%%EOF\n", "is a damaged PDF"),
    "cut.pdf": (PDF[:-400], "is cut off"),
    "head.pdf": (PDF[:20], "is cut off"),
    "secret.pdf": (write_pdf(["x"], user_password="secret"), "is protected by a password; remove it and add the file"),
    "scan.pdf": (write_pdf(["", ""]), "has no text layer"),
    "cut.docx": (docx(paragraph("x" * 999))[:-60], "is a damaged archive"),
    "flipped.docx": (docx(paragraph("text " * 99)).replace(b"word/document.xml", b"word/document.xmm", 1), "damaged"),
    "xml.docx": (docx("<w:p>"), "is damaged inside"),
    "laughs.docx": (docx(paragraph("&i;"), prolog=LAUGHS), "declares XML entities"),
    "laughs.epub": (epub({"a.xhtml": LAUGHS + "<html><body><p>&i;</p></body></html>"}), "declares XML entities"),
    "missing.epub": (
        zipped({"META-INF/container.xml": "<c/>", "mimetype": "application/epub+zip"}),
        "is a damaged EPUB",
    ),
    "bomb.docx": (docx(paragraph("x" * 30_000_000)), "zip bomb"),
    "bomb.epub": (epub(BOOK, {"x": b"\0" * 30_000_000}), "zip bomb"),
    "overlap.docx": (overlapping(docx(paragraph("x" * 5000)), 50), "overlapping entries"),
    "drm.epub": (
        epub(BOOK, {"META-INF/encryption.xml": DRM.format(algorithm="aes128-cbc", uri="OEBPS/a.xhtml")}),
        "has copy protection",
    ),
    "a.zip": (zipped({"a.txt": "text"}), "is a zip archive and no document"),
    "a.docx": (zipped({"xl/workbook.xml": "<x/>"}), "is an Excel workbook"),
    "old.docx": (bytes.fromhex("D0CF11E0A1B11AE1") + RANDOM, "of the old kind, or protected by a password"),
    "a.csv": (b"a,b\n1,2\n", "is of no supported kind (.csv files); supported are .docx, .epub"),
    "README": (b"text\n", "is of no supported kind (files without an ending)"),
    "a.png": (b"\x89PNG\r\n\x1a\n" + RANDOM, "is of no supported kind"),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_and_the_next_file_is_read(reader: DocumentReader, tmp_path: Path, name: str) -> None:
    content, expected = CASES[name]
    path = write(tmp_path, name, content)
    message = refusal(reader, path)
    assert message.startswith(f"{path} ")
    assert expected in message
    assert [page.text for page in reader.read(write(tmp_path, "next.txt", "next"))[1]] == ["next"]


def test_fonts_that_are_obfuscated_are_no_copy_protection(reader: DocumentReader, tmp_path: Path) -> None:
    fonts = DRM.format(algorithm="http://www.idpf.org/2008/embedding", uri="OEBPS/font.otf")
    book = epub(BOOK, {"META-INF/encryption.xml": fonts, "OEBPS/font.otf": b"x"})
    assert [page.text for page in reader.read(write(tmp_path, "a.epub", book))[1]] == ["text\n\n"]


def test_a_chapter_that_is_missing_is_said_and_not_passed_over(reader: DocumentReader, tmp_path: Path) -> None:
    book = epub({"a.xhtml": chapter("<p>text</p>"), "gone.xhtml": "x"})
    with zipfile.ZipFile(write(tmp_path, "full.epub", book)) as full:
        entries = {name: full.read(name) for name in full.namelist() if "gone" not in name}
    _, pages = reader.read(write(tmp_path, "a.epub", zipped(entries)))
    read, gone = list(pages)
    assert (read.text, read.gap) == ("text\n\n", None)
    assert (gone.text, gone.label) == ("", "gone.xhtml")
    assert "its part 'OEBPS/gone.xhtml' is missing" in str(gone.gap)
    nothing = {name: content for name, content in entries.items() if "a.xhtml" not in name}
    assert "its part 'OEBPS/a.xhtml' is missing" in refusal(reader, write(tmp_path, "b.epub", zipped(nothing)))


def test_an_archive_inside_an_archive_is_never_unpacked(reader: DocumentReader, tmp_path: Path) -> None:
    bomb = zipped({"x": b"\0" * 30_000_000})
    path = write(tmp_path, "a.docx", docx(paragraph("text"), {"word/embeddings/x.zip": bomb}))
    assert [page.text for page in reader.read(path)[1]] == ["text\n\n"]


def test_an_entry_that_is_larger_than_it_says_is_not_unpacked_further(reader: DocumentReader, tmp_path: Path) -> None:
    honest = docx(paragraph("x" * 30_000_000))
    size = (30_000_000 + len(docx_frame())).to_bytes(4, "little")
    assert honest.count(size) == 2
    assert "damaged" in refusal(reader, write(tmp_path, "a.docx", honest.replace(size, (5000).to_bytes(4, "little"))))


def docx_frame() -> bytes:
    with zipfile.ZipFile(io.BytesIO(docx(paragraph("")))) as archive:
        return archive.read("word/document.xml")


def test_a_folder_a_pipe_and_a_device_are_no_documents(reader: DocumentReader, tmp_path: Path) -> None:
    assert "is a folder" in refusal(reader, tmp_path)
    os.mkfifo(tmp_path / "pipe.txt")
    assert "is not a regular file" in refusal(reader, tmp_path / "pipe.txt")
    assert "is not a regular file" in refusal(reader, "/dev/zero")


def test_a_file_that_has_gone_and_a_broken_link_are_named(reader: DocumentReader, tmp_path: Path) -> None:
    assert "gone.txt does not exist" in refusal(reader, tmp_path / "gone.txt")
    (tmp_path / "link.txt").symlink_to(tmp_path / "nowhere")
    assert "link.txt does not exist" in refusal(reader, tmp_path / "link.txt")
    assert "does not exist" in refusal(reader, "a\0b.txt")


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "locked.txt", "text")
    path.chmod(0)
    root = os.geteuid() == 0
    if root:  # who may read everything
        os.seteuid(65534)
    try:
        with pytest.raises(Unreadable, match=r"may not be read \(permission denied\)"):
            open_regular(str(path))
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize(
    "name", ["quo\"te's.txt", "new\nline.txt", "uni\u202ecode 漢.txt", os.fsdecode(b"\xff\xfe.txt")]
)
def test_strange_names_are_read_and_shown_in_one_line(reader: DocumentReader, tmp_path: Path, name: str) -> None:
    info, pages = reader.read(write(tmp_path, name, "text"))
    assert [page.text for page in pages] == ["text"]
    info.title.encode()  # no lone surrogates
    assert info.title.isprintable()
    write(tmp_path, name, "")
    refusal(reader, tmp_path / name).encode()
