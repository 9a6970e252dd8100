"""PDF, by PDFium (pypdfium2). Pages are the file's pages, labels its page labels ("iv")."""

import re
from collections.abc import Iterator
from typing import Any

import pypdfium2
import pypdfium2.raw

from fileintel.documents.document import Parsed, RawPage, Source, Unreadable

END_MARKER = b"%%EOF"
TAIL = 64 * 1024  # bytes: some programs append junk after the end marker
LONGEST_PAGE = 4_000_000  # characters; a page is held whole

NAMES = {
    "Author": "author",
    "Subject": "subject",
    "Keywords": "keywords",
    "CreationDate": "created",
    "ModDate": "modified",
}
DATE = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?")

# where a line ends with a hyphen, PDFium writes U+FFFE (or U+0002) and goes on with the next line's word
HYPHEN_AT_LINE_END = re.compile("[\ufffe\x02]")
# typographic ligatures are letters to a reader, and strange signs to a model
LIGATURES = {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "st", 0xFB06: "st"}

DAMAGED = "is a damaged PDF; copy or download it again, or print it to a new PDF"
PASSWORD = "is protected by a password; remove it and add the file again"
SCANNED = "has no text layer (scanned?); run OCR on it first"


def parse(source: Source) -> Parsed:
    """Open the PDF; an empty user password is tried.

    Raises:
        Unreadable: the file is cut off, damaged or protected.
    """
    _check_end(source)
    try:
        pdf = pypdfium2.PdfDocument(f"/proc/self/fd/{source.stream.fileno()}")
        count = len(pdf)
    except pypdfium2.PdfiumError as error:
        protected = getattr(error, "err_code", None) in (
            pypdfium2.raw.FPDF_ERR_PASSWORD,
            pypdfium2.raw.FPDF_ERR_SECURITY,
        )
        raise Unreadable(PASSWORD if protected else DAMAGED) from error
    if count > source.limits.max_pages:
        raise Unreadable(f"has {count:,} pages, more than the {source.limits.max_pages:,} allowed; split it")
    if count == 0:
        raise Unreadable("is a PDF without pages; leave it out")
    facts = pdf.get_metadata_dict(skip_empty=True)
    metadata = {name: _date(facts[key]) if "Date" in key else facts[key] for key, name in NAMES.items() if key in facts}
    return Parsed(_pages(pdf, count), facts.get("Title", ""), metadata, SCANNED)


def _check_end(source: Source) -> None:
    # PDFium repairs cut-off files silently, and the missing pages would be missed by nobody
    source.stream.seek(max(0, source.size - TAIL))
    if END_MARKER not in source.stream.read():
        raise Unreadable("is cut off (a PDF without its end); copy or download it again")


def _pages(pdf: Any, count: int) -> Iterator[RawPage]:
    for index in range(count):
        try:
            page = pdf[index]
            text_page = page.get_textpage()
            text = text_page.get_text_range() if text_page.count_chars() else ""
            text_page.close()
            page.close()
        except pypdfium2.PdfiumError as error:
            raise Unreadable(f"is a damaged PDF (page {index + 1} of {count}); copy or download it again") from error
        if len(text) > LONGEST_PAGE:
            raise Unreadable(f"has more than {LONGEST_PAGE:,} characters on page {index + 1}; split it")
        text = HYPHEN_AT_LINE_END.sub("", text).translate(LIGATURES).strip()
        yield RawPage(text + "\n" if text else "", pdf.get_page_label(index) or None)


def _date(value: str) -> str:
    """A PDF date as an ISO 8601 date; PDF 32000-1:2008, 7.9.4."""
    found = DATE.match(value)
    return "-".join(part for part in found.groups() if part) if found else value
