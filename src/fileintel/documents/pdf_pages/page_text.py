"""The text that a page of a PDF shows: what lies in its visible box, with form fields and text annotations."""

import ctypes
from collections.abc import Iterator
from typing import Any

import pypdfium2.raw as pdfium

from fileintel.documents.document import BadPart
from fileintel.documents.word.symbols import PRIVATE, SYMBOL

MARGIN = 2.0  # points that a character may stick out of the visible box
SHOWN_TEXT = (pdfium.FPDF_ANNOT_WIDGET, pdfium.FPDF_ANNOT_FREETEXT)
UNSEEN = 0x02 | 0x20  # the flags of annotations that are hidden, or not shown on a screen
MAX_UNREADABLE = 0.3  # of a page's characters
# typographic ligatures are letters to a reader, and strange signs to a model
LIGATURES = {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "st", 0xFB06: "st"}

SCAN = "has no text (a scan, or a drawing?); run OCR on it"
GARBLED = "has a text layer that cannot be read; run OCR on it"


def shown_text(pdf: Any, index: int) -> tuple[str, bool]:
    """The text of a page, before its words are mended, and whether anything is drawn on it.

    Raises:
        PdfiumError: the page is damaged.
    """
    page = pdf[index]
    notes: list[str] = []
    if pdfium.FPDFPage_GetAnnotCount(page) > 0:
        notes = list(_notes(page))
        if pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY) == pdfium.FLATTEN_SUCCESS:
            page.close()
            page = pdf[index]  # what was drawn over it is part of it now
    try:
        text_page = page.get_textpage()
        text = _visible(page, text_page)
        text_page.close()
        is_drawn = bool(text) or pdfium.FPDFPage_CountObjects(page) > 0
    finally:
        page.close()
    folded = "".join(text.split())
    missing = [note for note in notes if "".join(note.split()) not in folded]
    return ("\n".join([text, *missing]) if missing else text), is_drawn


def _visible(page: Any, text_page: Any) -> str:
    count = text_page.count_chars()
    if not count:
        return ""
    box = _box(page)
    if box is None or _all_inside(text_page, box):
        return str(text_page.get_text_range())
    return "".join(text_page.get_text_range(start, length) for start, length in _inside(text_page, count, box))


Box = tuple[float, float, float, float]  # left, bottom, right, top, in points


def _box(page: Any) -> Box | None:
    """The part of the page that is shown."""
    media, crop = page.get_mediabox(), page.get_cropbox()
    left, bottom = max(media[0], crop[0]), max(media[1], crop[1])
    right, top = min(media[2], crop[2]), min(media[3], crop[3])
    if right - left < 1 or top - bottom < 1:
        return None  # nonsense, which viewers ignore
    return left - MARGIN, bottom - MARGIN, right + MARGIN, top + MARGIN


def _all_inside(text_page: Any, box: Box) -> bool:
    left, bottom, right, top = (ctypes.c_double() for _ in range(4))
    for n in range(text_page.count_rects()):
        pdfium.FPDFText_GetRect(text_page, n, left, top, right, bottom)
        if left.value < box[0] or bottom.value < box[1] or right.value > box[2] or top.value > box[3]:
            return False
    return True


def _inside(text_page: Any, count: int, box: Box) -> Iterator[tuple[int, int]]:
    """Start and length of each stretch of characters whose middle is in the box. A sign that PDFium has put in, such
    as a space or a line end, goes with the character before it."""
    start: int | None = None
    inside = False
    sides = [ctypes.c_double() for _ in range(4)]
    left, right, bottom, top = sides
    for n in range(count):
        if pdfium.FPDFText_IsGenerated(text_page, n) != 1:
            pdfium.FPDFText_GetCharBox(text_page, n, left, right, bottom, top)
            x, y = (left.value + right.value) / 2, (bottom.value + top.value) / 2
            inside = box[0] <= x <= box[2] and box[1] <= y <= box[3]
        if inside and start is None:
            start = n
        elif not inside and start is not None:
            yield start, n - start
            start = None
    if start is not None:
        yield start, count - start


def _notes(page: Any) -> Iterator[str]:
    """What form fields and text annotations hold, in case that they have no appearance of their own."""
    form = page.formenv
    for n in range(pdfium.FPDFPage_GetAnnotCount(page)):
        note = pdfium.FPDFPage_GetAnnot(page, n)
        if not note:
            continue
        try:
            if pdfium.FPDFAnnot_GetSubtype(note) in SHOWN_TEXT and not pdfium.FPDFAnnot_GetFlags(note) & UNSEEN:
                text = _field_value(form, note) if form else ""
                text = text or _string(note, b"Contents")
                if text.strip():
                    yield text.strip()
        finally:
            pdfium.FPDFPage_CloseAnnot(note)


def _field_value(form: Any, note: Any) -> str:
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, note)
    if kind not in (pdfium.FPDF_FORMFIELD_TEXTFIELD, pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX):
        return ""  # a button or a box to tick has its looks
    if pdfium.FPDFAnnot_GetFormFieldFlags(form, note) & 0x2000:  # a password
        return ""
    size = pdfium.FPDFAnnot_GetFormFieldValue(form, note, None, 0)
    buffer = (pdfium.FPDF_WCHAR * (size // 2 + 1))()
    pdfium.FPDFAnnot_GetFormFieldValue(form, note, buffer, size)
    return bytes(buffer)[: max(0, size - 2)].decode("utf-16-le", "replace")


def _string(note: Any, key: bytes) -> str:
    size = pdfium.FPDFAnnot_GetStringValue(note, key, None, 0)
    buffer = (pdfium.FPDF_WCHAR * (size // 2 + 1))()
    pdfium.FPDFAnnot_GetStringValue(note, key, buffer, size)
    return bytes(buffer)[: max(0, size - 2)].decode("utf-16-le", "replace")


def readable(text: str) -> str:
    """`text` with letters where a font has ligatures or private characters.

    Raises:
        BadPart: most of it says nothing to anybody: private characters, or signs for unknown ones.
    """
    text = text.translate(LIGATURES)
    if text.isascii():
        return text
    private = sum(1 for character in text if ord(character) in PRIVATE)
    length = sum(1 for character in text if not character.isspace())
    if private > length / 2:
        # a symbolic TrueType font, in which U+F000 stands before each letter's own code
        text = "".join(chr(ord(c) - 0xF000) if ord(c) in PRIVATE else c for c in text)
    elif private:
        text = "".join(SYMBOL.get(ord(c) - 0xF000, c) if ord(c) in PRIVATE else c for c in text)
    unreadable = sum(1 for c in text if c == "\ufffd" or "\ue000" <= c <= "\uf8ff" or c >= "\U000f0000")
    if unreadable > MAX_UNREADABLE * length:
        raise BadPart(GARBLED)
    return text
