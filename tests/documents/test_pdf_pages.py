"""What of a PDF's page is text: its visible box, its fields, whole words, no running heads, and pages with gaps."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fileintel.documents.document import BadPart, Page, RawPage
from fileintel.documents.load import DocumentReader
from fileintel.documents.pdf_pages.hyphens import Hyphens
from fileintel.documents.pdf_pages.page_text import readable
from fileintel.documents.pdf_pages.running_heads import without_running_heads

from .pdf_writer import assemble, write_pdf
from .samples import write

FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), entries, data)


def pdf(pages: Sequence[bytes], objects: dict[int, bytes], root: bytes = b"") -> bytes:
    """A PDF with these page dictionaries as objects 10, 11, …; object 3 is the font."""
    kids = b" ".join(b"%d 0 R" % (10 + n) for n in range(len(pages)))
    start = b"/Type /Page /Parent 2 0 R /Resources << /Font << /F1 3 0 R >> >>"
    used = {
        1: b"<< /Type /Catalog /Pages 2 0 R %s >>" % root,
        2: b"<< /Type /Pages /Kids [%s] /Count %d /MediaBox [0 0 612 792] >>" % (kids, len(pages)),
        3: FONT,
        **{10 + n: b"<< %s %s >>" % (start, page) for n, page in enumerate(pages)},
        **objects,
    }
    return assemble({n: used.get(n, b"null") for n in range(1, max(used) + 1)}, b"/Root 1 0 R")


def pages_of(reader: DocumentReader, folder: Path, written: bytes) -> list[Page]:
    return list(reader.read(write(folder, "a.pdf", written))[1])


def placed(*texts: tuple[int, int, bytes]) -> bytes:
    return b"\n".join(b"BT /F1 12 Tf %d %d Td (%s) Tj ET" % text for text in texts)


def test_a_page_holds_only_what_its_visible_box_shows(reader: DocumentReader, tmp_path: Path) -> None:
    spread = stream(
        placed((40, 700, b"LEFT of it"), (350, 700, b"RIGHT of it"), (40, 680, b"second"), (900, 680, b"off"))
    )
    left, right = b"/Contents 4 0 R /CropBox [0 0 306 792]", b"/Contents 4 0 R /MediaBox [306 0 612 792]"
    one, two, whole = pages_of(reader, tmp_path, pdf([left, right, b"/Contents 4 0 R"], {4: spread}))
    assert one.text.split() == ["LEFT", "of", "it", "second"]
    assert two.text.split() == ["RIGHT", "of", "it"]
    assert "LEFT" in whole.text
    assert "RIGHT" in whole.text
    assert "off" not in whole.text


def field(value: bytes, appearance: bool, more: bytes = b"") -> bytes:
    looks = b"/AP << /N 21 0 R >>" if appearance else b""
    return b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (owner) /V (%s) /Rect [120 690 300 710] %s /P 10 0 R %s >>" % (
        value,
        looks,
        more,
    )


@pytest.mark.parametrize("appearance", [True, False])
def test_what_stands_in_a_form_is_read(reader: DocumentReader, tmp_path: Path, appearance: bool) -> None:
    looks = stream(
        b"/Tx BMC BT /F1 12 Tf 2 5 Td (Tilde Brask) Tj ET EMC",
        b"/Type /XObject /Subtype /Form /BBox [0 0 180 20] /Resources << /Font << /F1 3 0 R >> >>",
    )
    objects = {4: stream(placed((40, 695, b"Owner:"))), 20: field(b"Tilde Brask", appearance), 21: looks}
    form = pdf([b"/Contents 4 0 R /Annots [20 0 R]"], objects, b"/AcroForm << /Fields [20 0 R] >>")
    (page,) = pages_of(reader, tmp_path, form)
    assert page.text.split() == ["Owner:", "Tilde", "Brask"]


def test_a_hidden_field_and_a_reviewers_note_are_left_out(reader: DocumentReader, tmp_path: Path) -> None:
    objects = {
        4: stream(placed((40, 695, b"Owner:"))),
        20: field(b"secret", False, b"/F 2"),
        22: b"<< /Type /Annot /Subtype /Text /Rect [10 10 30 30] /Contents (remark) >>",
        23: b"<< /Type /Annot /Subtype /FreeText /Rect [10 40 90 60] /Contents (shown) /DA (/F1 9 Tf) >>",
    }
    form = pdf([b"/Contents 4 0 R /Annots [20 0 R 22 0 R 23 0 R]"], objects, b"/AcroForm << /Fields [20 0 R] >>")
    (page,) = pages_of(reader, tmp_path, form)
    assert page.text.split() == ["Owner:", "shown"]


def test_a_page_that_is_a_picture_or_damaged_is_a_gap(reader: DocumentReader, tmp_path: Path) -> None:
    looks = b"/Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8"
    picture = stream(b"\x80", b"/Type /XObject /Subtype /Image " + looks)
    drawn = b"/Contents 5 0 R /Resources << /XObject << /I 6 0 R >> >>"
    objects = {4: stream(placed((40, 700, b"text"))), 5: stream(b"600 0 0 700 0 0 cm /I Do"), 6: picture}
    written = pdf([b"/Contents 4 0 R", drawn, b"", b"/Contents 4 0 R"], objects)
    pages = pages_of(reader, tmp_path, written)
    assert [page.text for page in pages] == ["text\n", "", "", "text\n"]
    assert [bool(page.gap) for page in pages] == [False, True, False, False]
    assert "OCR" in str(pages[1].gap)
    damaged = pages_of(reader, tmp_path, written.replace(b"10 0 R 11 0 R", b"10 0 R 09 0 R"))
    assert [page.text for page in damaged] == ["text\n", "", "", "text\n"]
    assert "is damaged" in str(damaged[1].gap)


def test_only_the_end_of_the_table_tells_whether_a_file_is_cut_off(reader: DocumentReader, tmp_path: Path) -> None:
    whole = write_pdf(["Whole file"])
    table_end = whole.rindex(b"startxref")
    for odd in (whole[:-2], whole[:-6], whole + b"\n<html>junk</html>" * 20_000, whole[:table_end]):
        assert [page.text for page in pages_of(reader, tmp_path, odd)] == ["Whole file\n"]
    update = whole + b"4 0 obj\n<< /Length 5 >>\nstream\n"
    for cut in (update, whole[: whole.index(b"xref\n0")], whole[: len(whole) // 2]):
        with pytest.raises(Exception, match="is cut off"):
            pages_of(reader, tmp_path, cut)


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        ("Saint\ufffeGermain", "Saint-Germain"),
        ("Anne\ufffeMarie Brask", "Anne-Marie Brask"),
        ("a hyphen\ufffeated word", "a hyphenated word"),
        ("HYPHEN\ufffeATED", "HYPHENATED"),
        ("long\ufffeterm and a long-term plan", "long-term and a long-term plan"),
        ("1962\ufffe63", "1962-63"),
        ("COVID\ufffe19", "COVID-19"),
        ("vor\x02her", "vorher"),
    ],
)
def test_a_hyphen_that_belongs_to_the_word_stays(read: str, expected: str) -> None:
    assert Hyphens().joined(read) == expected


def test_words_with_a_hyphen_are_remembered_over_pages() -> None:
    hyphens = Hyphens()
    hyphens.joined("A (long-term) plan.")
    assert hyphens.joined("A Long\ufffeterm plan") == "A Long-term plan"


@given(st.text("ab \n"), st.lists(st.sampled_from(["ab\ufffecd", "Ab\ufffeCd", "x"])))
def test_no_letter_of_a_broken_word_is_lost(text: str, words: list[str]) -> None:
    given = text + " ".join(words)
    joined = Hyphens().joined(given)
    assert joined.replace("-", "") == given.replace("\ufffe", "")


def stripped(*texts: str) -> list[str]:
    return [page.text for page in without_running_heads(RawPage(text) for text in texts)]


def test_running_heads_and_page_numbers_go() -> None:
    pages = [f"ANNUAL REPORT 2020\nsentence {word} goes on\nPage {n} of 3\n" for n, word in enumerate("abc", start=1)]
    assert stripped(*pages) == [
        "ANNUAL REPORT 2020\nsentence a goes on\n",
        "sentence b goes on\n",
        "sentence c goes on\n",
    ]


def test_heads_of_left_and_right_pages_alternate() -> None:
    pages = [f"{n} {'Tilde Brask' if n % 2 else 'The mill'}\ntext {chr(97 + n)}\n" for n in range(12)]
    assert "".join(stripped(*pages)).count("The mill") == 1


def test_numbers_that_do_not_count_pages_and_pages_of_one_line_stay() -> None:
    pages = [f"{year}\nwhat {word} did\n" for year, word in ((1962, "a"), (1981, "b"), (1964, "c"), (1990, "d"))]
    assert stripped(*pages) == pages
    single = [f"Page {n}\n" for n in range(9)]
    assert stripped(*single) == single
    assert stripped("same\nx\n", "same\ny\n") == ["same\nx\n", "same\ny\n"]


@given(st.lists(st.text("ab\n", max_size=12), max_size=12))
def test_no_page_is_lost_or_emptied(texts: list[str]) -> None:
    kept = stripped(*texts)
    assert len(kept) == len(texts)
    assert all(bool(after.strip()) == bool(before.strip()) for before, after in zip(texts, kept, strict=True))


def test_a_layer_of_private_characters_is_read_where_it_can_be_and_told_where_not() -> None:
    assert readable("".join(chr(0xF000 + ord(c)) for c in "Tilde Brask")) == "Tilde Brask"
    assert readable("angle \uf061 of 30\uf0b0 and \ufb01ve") == "angle α of 30° and five"
    for garbled in ("\ue123\ue124 \ue125", "\ufffd\ufffd a", "\U000f1234" * 9):
        with pytest.raises(BadPart, match="run OCR"):
            readable(garbled)
