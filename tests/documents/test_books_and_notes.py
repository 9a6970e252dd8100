"""EPUB: books whose references, types and entities are not as the standard wants them. Markdown: facts and pictures."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fileintel.documents.data_addresses import without_data_addresses
from fileintel.documents.document import Page
from fileintel.documents.front_matter import front_matter
from fileintel.documents.load import DocumentReader

from .samples import chapter, write, zipped

CHAPTER = chapter("<p>Tilde Brask sold it.</p>")


def book(manifest: str, spine: str, entries: dict[str, str | bytes], package: str = "OEBPS/book.opf") -> bytes:
    container = f'<container><rootfiles><rootfile full-path="{package}"/></rootfiles></container>'
    opf = f"<package><metadata/><manifest>{manifest}</manifest><spine>{spine}</spine></package>"
    first = {"mimetype": "application/epub+zip", "META-INF/container.xml": container, "OEBPS/book.opf": opf}
    return zipped({**first, **entries})


def pages_of(reader: DocumentReader, folder: Path, written: bytes) -> list[Page]:
    return list(reader.read(write(folder, "a.epub", written))[1])


@pytest.mark.parametrize(
    ("href", "entry"),
    [
        ("CH2.XHTML", "OEBPS/ch2.xhtml"),
        ("ch2.xhtml#start", "OEBPS/ch2.xhtml"),
        ("ch2.xhtml?x=1", "OEBPS/ch2.xhtml"),
        ("/OEBPS/ch2.xhtml", "OEBPS/ch2.xhtml"),
        ("../OEBPS/ch2.xhtml", "OEBPS/ch2.xhtml"),
        ("../../ch2.xhtml", "ch2.xhtml"),
        ("./text/../ch2.xhtml", "OEBPS/ch2.xhtml"),
        ("text\\ch2.xhtml", "OEBPS/text/ch2.xhtml"),
        ("ch%202.xhtml", "OEBPS/ch 2.xhtml"),
        ("ch%202.xhtml", "OEBPS/ch%202.xhtml"),
        ("caf\u00e9.xhtml", "OEBPS/cafe\u0301.xhtml"),
        (" ch2.xhtml ", "OEBPS/ch2.xhtml"),
    ],
)
def test_a_reference_that_is_spelt_otherwise_finds_its_chapter(
    reader: DocumentReader, tmp_path: Path, href: str, entry: str
) -> None:
    manifest = f'<item id="a" href="{href}" media-type="application/xhtml+xml"/>'
    (page,) = pages_of(reader, tmp_path, book(manifest, '<itemref idref="a"/>', {entry: CHAPTER}))
    assert (page.text, page.gap) == ("Tilde Brask sold it.\n\n", None)


@pytest.mark.parametrize("package", ["/OEBPS/book.opf", "./OEBPS/book.opf", "oebps/BOOK.opf", "gone.opf"])
def test_a_package_that_is_named_otherwise_is_found(reader: DocumentReader, tmp_path: Path, package: str) -> None:
    manifest = '<item id="a" href="c.xhtml" media-type="application/xhtml+xml"/>'
    written = book(manifest, '<itemref idref="a"/>', {"OEBPS/c.xhtml": CHAPTER}, package)
    assert [page.text for page in pages_of(reader, tmp_path, written)] == ["Tilde Brask sold it.\n\n"]


@pytest.mark.parametrize(
    "media_type",
    [
        "text/xml",
        "application/xml",
        "application/xhtml+xml; charset=utf-8",
        "Application/XHTML+XML",
        "",
        "text/html",
        "text/plain",
        "application/octet-stream",
    ],
)
def test_a_chapter_of_another_type_is_read(reader: DocumentReader, tmp_path: Path, media_type: str) -> None:
    manifest = f'<item id="a" href="c.xhtml" media-type="{media_type}"/>'
    written = book(manifest, '<itemref idref="a"/>', {"OEBPS/c.xhtml": CHAPTER})
    assert [page.text for page in pages_of(reader, tmp_path, written)] == ["Tilde Brask sold it.\n\n"]


def test_what_stands_in_for_a_foreign_item_is_read(reader: DocumentReader, tmp_path: Path) -> None:
    manifest = (
        '<item id="p" href="p.pdf" media-type="application/pdf" fallback="q"/>'
        '<item id="q" href="q.jpg" media-type="image/jpeg" fallback="b"/>'
        '<item id="b" href="c.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="x" href="x.pdf" media-type="application/pdf" fallback="x"/>'
    )
    spine = '<itemref idref="p"/><itemref idref="x"/>'
    written = book(manifest, spine, {"OEBPS/c.xhtml": CHAPTER})
    assert [page.text for page in pages_of(reader, tmp_path, written)] == ["Tilde Brask sold it.\n\n"]


def test_a_file_under_several_fragments_is_read_once(reader: DocumentReader, tmp_path: Path) -> None:
    item = '<item id="{0}" href="c.xhtml#{0}" media-type="application/xhtml+xml"/>'
    written = book(
        item.format("a") + item.format("b"), '<itemref idref="a"/><itemref idref="b"/>', {"OEBPS/c.xhtml": CHAPTER}
    )
    assert len(pages_of(reader, tmp_path, written)) == 1


@pytest.mark.parametrize(
    ("declared", "shown"),
    [
        ('<!ENTITY nbsp "&#160;">', "Tilde Brask"),
        ("<!ENTITY nbsp '-'><!ENTITY x 'y'>", "Tilde-Brask"),
        ('<!ENTITY nbsp "&#x2014;">', "Tilde—Brask"),
    ],
)
def test_entities_that_are_characters_are_read(
    reader: DocumentReader, tmp_path: Path, declared: str, shown: str
) -> None:
    written = f"<!DOCTYPE html [{declared}]><html><body><p>Tilde&nbsp;Brask</p></body></html>"
    manifest = '<item id="a" href="c.xhtml" media-type="application/xhtml+xml"/>'
    (page,) = pages_of(reader, tmp_path, book(manifest, '<itemref idref="a"/>', {"OEBPS/c.xhtml": written}))
    assert page.text.replace("\u00a0", " ").strip() == shown


@pytest.mark.parametrize(
    "declared",
    [
        '<!ENTITY a "x"><!ENTITY b "&a;&a;">',
        '<!ENTITY x SYSTEM "file:///etc/passwd">',
        "<!ENTITY % p 'x'>",
        f'<!ENTITY a "{"x" * 1000}">',
    ],
)
def test_entities_that_are_more_cost_their_chapter_alone(reader: DocumentReader, tmp_path: Path, declared: str) -> None:
    bad = f"<!DOCTYPE html [{declared}]><html><body><p>&b;&x;</p></body></html>"
    items = "".join(f'<item id="{n}" href="{n}.xhtml" media-type="application/xhtml+xml"/>' for n in "ab")
    spine = '<itemref idref="a"/><itemref idref="b"/><itemref idref="gone"/>'
    written = book(items, spine, {"OEBPS/a.xhtml": CHAPTER, "OEBPS/b.xhtml": bad})
    good, first, second = pages_of(reader, tmp_path, written)
    assert (good.text, good.gap) == ("Tilde Brask sold it.\n\n", None)
    assert "declares XML entities" in str(first.gap)
    assert "'gone'" in str(second.gap)


@pytest.mark.parametrize(
    ("written", "facts"),
    [
        ("title: The Mill # working title", {"title": "The Mill"}),
        ("author: [Tilde Brask, Ole Rud]", {"author": "Tilde Brask; Ole Rud"}),
        ("authors:\n  - Tilde Brask\n  - name: Ole Rud\n    email: o@x", {"author": "Tilde Brask; Ole Rud"}),
        ("description: >-\n  A long\n  text", {"description": "A long text"}),
        (
            "tags: [mill, flood]\nlang: en\ndate: 2020-01-02",
            {"keywords": "mill, flood", "language": "en", "created": "2020-01-02"},
        ),
        ("Title: 'It''s: x'\nx: y", {"title": "It's: x"}),
        ("title: The Mill: a history\nauthor: Ann", {"title": "The Mill: a history", "author": "Ann"}),
        ("a: &a [x, x]\ntitle: T", {"title": "T"}),
        ("just text", {}),
        ("- a\n- b", {}),
        ("title:\nauthor: []", {}),
    ],
)
def test_front_matter_is_read_as_yaml(written: str, facts: dict[str, str]) -> None:
    assert front_matter(written) == facts


def test_the_bytes_of_a_picture_are_no_text(reader: DocumentReader, tmp_path: Path) -> None:
    address = "data:image/png;base64," + "iVBOR/w0+g" * 20_000 + "=="
    note = f"# Mill\n\n![plan]({address})\n\n<img src='{address}'> [a]: {address}\n\nOle Rud bought it.\n"
    _, pages = reader.read(write(tmp_path, "a.md", note))
    text = "".join(page.text for page in pages)
    assert text == "# Mill\n\n![plan](data:)\n\n<img src='data:'> [a]: data:\n\nOle Rud bought it.\n"


def parts(text: str, cuts: Sequence[int]) -> list[str]:
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(places)]


ADDRESSES = st.sampled_from(
    ["data:image/png;base64," + "Ab1+" * 30, "data:text/plain,short", "data:", "dat", "a data: b"]
)


@given(st.lists(st.one_of(st.text("ab d)\n"), ADDRESSES)), st.lists(st.integers(0, 10_000), max_size=6))
def test_addresses_go_however_the_text_is_cut_into_pieces(written: list[str], cuts: list[int]) -> None:
    text = " ".join(written)
    whole = "".join(without_data_addresses([text]))
    assert "".join(without_data_addresses(parts(text, cuts))) == whole
    assert "Ab1+Ab1+" not in whole
