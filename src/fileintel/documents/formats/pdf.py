"""PDF, by PDFium (pypdfium2). Pages are the file's pages, labels its page labels ("iv")."""

import re
from collections.abc import Iterator
from typing import Any

import pypdfium2
import pypdfium2.raw

from fileintel.documents.document import BadPart, Parsed, RawPage, Source, Unreadable
from fileintel.documents.pdf_pages.ending import is_cut_off
from fileintel.documents.pdf_pages.hyphens import Hyphens
from fileintel.documents.pdf_pages.page_text import SCAN, readable, shown_text
from fileintel.documents.pdf_pages.running_heads import without_running_heads

LONGEST_PAGE = 4_000_000  # characters; a page is held whole

NAMES = {
    "Author": "author",
    "Subject": "subject",
    "Keywords": "keywords",
    "CreationDate": "created",
    "ModDate": "modified",
}
DATE = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?")

DAMAGED = "is a damaged PDF; copy or download it again, or print it to a new PDF"
PASSWORD = "is protected by a password; remove it and add the file again"
BAD_PAGE = "is damaged; copy or download the file again"
SCANNED = "has no text layer (scanned?); run OCR on it first"


def parse(source: Source) -> Parsed:
    """Open the PDF; an empty user password is tried.

    Raises:
        Unreadable: the file is cut off, damaged or protected.
    """
    if is_cut_off(source.stream, source.size):
        raise Unreadable("is cut off (a PDF without its end); copy or download it again")
    try:
        pdf = pypdfium2.PdfDocument(f"/proc/self/fd/{source.stream.fileno()}")
        count = len(pdf)
    except pypdfium2.PdfiumError as error:
        protected = getattr(error, "err_code", None) in (
            pypdfium2.raw.FPDF_ERR_PASSWORD,
            pypdfium2.raw.FPDF_ERR_SECURITY,
        )
        raise Unreadable(PASSWORD if protected else DAMAGED) from error
    if pdf.get_formtype() != pypdfium2.raw.FORMTYPE_NONE:
        pdf.init_forms()
    if count > source.limits.max_pages:
        raise Unreadable(f"has {count:,} pages, more than the {source.limits.max_pages:,} allowed; split it")
    if count == 0:
        raise Unreadable("is a PDF without pages; leave it out")
    facts = pdf.get_metadata_dict(skip_empty=True)
    metadata = {name: _date(facts[key]) if "Date" in key else facts[key] for key, name in NAMES.items() if key in facts}
    return Parsed(without_running_heads(_pages(pdf, count)), facts.get("Title", ""), metadata, SCANNED)


def _pages(pdf: Any, count: int) -> Iterator[RawPage]:
    hyphens = Hyphens()
    for index in range(count):
        label = pdf.get_page_label(index) or None
        try:
            text, is_drawn = shown_text(pdf, index)
        except pypdfium2.PdfiumError:
            yield RawPage("", label, BAD_PAGE)
            continue
        if len(text) > LONGEST_PAGE:
            raise Unreadable(f"has more than {LONGEST_PAGE:,} characters on page {index + 1}; split it")
        try:
            text = readable(hyphens.joined(text)).strip()
        except BadPart as error:
            yield RawPage("", label, str(error))
            continue
        yield RawPage(text + "\n" if text else "", label, SCAN if is_drawn and not text else None)


def _date(value: str) -> str:
    """A PDF date as an ISO 8601 date; PDF 32000-1:2008, 7.9.4."""
    found = DATE.match(value)
    return "-".join(part for part in found.groups() if part) if found else value
