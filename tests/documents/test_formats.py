"""What comes out of each format: text, pages, labels, facts."""

import hashlib
from pathlib import Path

import docx as python_docx
import pytest

from fileintel.documents.document import DocumentInfo, Page
from fileintel.documents.load import DocumentReader

from .pdf_writer import write_pdf
from .samples import chapter, docx, epub, paragraph, write


def read(reader: DocumentReader, path: Path) -> tuple[DocumentInfo, list[Page], str]:
    info, pages = reader.read(path)
    pages = list(pages)
    text = "".join(page.text for page in pages)
    for number, page in enumerate(pages, start=1):
        assert page.number == number
        assert page.text == text[page.start : page.end]
    assert info.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert info.size == path.stat().st_size
    return info, pages, text


# PDF


def test_a_pdf_gives_its_pages_with_their_printed_labels(reader: DocumentReader, tmp_path: Path) -> None:
    pdf = write_pdf(["Preface", "", "Chapter one (1)"], title="The title", author="Ann", roman_front=2)
    info, pages, _ = read(reader, write(tmp_path, "a.pdf", pdf))
    assert [(page.label, page.text) for page in pages] == [("i", "Preface\n"), ("ii", ""), ("1", "Chapter one (1)\n")]
    assert info.media_type == "application/pdf"
    assert info.title == "The title"
    assert info.metadata == {"author": "Ann", "created": "2024-02-29"}
    assert info.encoding is None


def test_words_that_a_pdf_hyphenates_at_line_ends_are_whole_again(reader: DocumentReader, tmp_path: Path) -> None:
    _, _, text = read(reader, write(tmp_path, "a.pdf", write_pdf(["A hyphen-\nated word\nand a line."])))
    assert text == "A hyphenated word\nand a line.\n"


def test_a_pdf_with_an_empty_user_password_opens(reader: DocumentReader, tmp_path: Path) -> None:
    _, _, text = read(reader, write(tmp_path, "a.pdf", write_pdf(["Hidden?"], user_password="")))
    assert text == "Hidden?\n"


def test_a_document_without_a_title_is_called_by_its_file(reader: DocumentReader, tmp_path: Path) -> None:
    info, _, _ = read(reader, write(tmp_path, "Annual Report.pdf", write_pdf(["x"])))
    assert info.title == "Annual Report"


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.docx", "a", "a.bin"])
def test_a_pdf_under_another_name_is_read_as_pdf(reader: DocumentReader, tmp_path: Path, name: str) -> None:
    info, _, text = read(reader, write(tmp_path, name, write_pdf(["Content decides"])))
    assert (info.media_type, text) == ("application/pdf", "Content decides\n")


# EPUB


def test_an_epub_gives_a_page_for_each_item_of_its_spine(reader: DocumentReader, tmp_path: Path) -> None:
    chapters = {
        "one two.xhtml": chapter("<h1>Chapter I</h1><p>Caf&eacute;&nbsp;au <i>lait</i>.<a id='x'/> More.</p>"),
        "cover.xhtml": chapter("<img src='x.png'/>", title="Cover"),
        "b.xhtml": "<html><head><title>Broken</title></head><body><p>No <br>XML &copy; é</body></html>",
    }
    info, pages, text = read(reader, write(tmp_path, "a.epub", epub(chapters)))
    assert [(page.label, page.text) for page in pages] == [
        ("Chapter I", "# Chapter I\n\nCafé au lait. More.\n\n"),
        ("Cover", ""),
        ("Broken", "No\nXML © é\n\n"),
    ]
    assert info.title == "Book"
    assert info.metadata == {"author": "Ann Author, Ben Author", "language": "en"}
    assert "table of contents" not in text


def test_a_long_chapter_is_cut_and_keeps_its_label(reader: DocumentReader, tmp_path: Path) -> None:
    body = "<h1>Long</h1>" + "".join(f"<p>Paragraph {n} of it.</p>" for n in range(6000))
    _, pages, text = read(reader, write(tmp_path, "a.epub", epub({"a.xhtml": chapter(body)})))
    assert len(pages) > 1
    assert all(page.label == "Long" and len(page.text) <= 50_000 for page in pages)
    assert text.count("Paragraph") == 6000


# DOCX


def test_a_docx_gives_headings_lists_tables_and_page_breaks(reader: DocumentReader, tmp_path: Path) -> None:
    document = python_docx.Document()
    document.core_properties.title = "The title"
    document.core_properties.author = "Ann"
    document.add_heading("Heading", 1)
    document.add_paragraph("Hello\tworld")
    document.add_paragraph("item", style="List Bullet")
    document.add_page_break()
    table = document.add_table(2, 2)
    for n in range(4):
        table.cell(n // 2, n % 2).text = f"c{n}"
    document.save(str(tmp_path / "a.docx"))
    info, pages, _ = read(reader, tmp_path / "a.docx")
    assert [page.text for page in pages] == ["# Heading\n\nHello\tworld\n\n- item\n", "c0 | c1\nc2 | c3\n\n"]
    assert (info.title, info.metadata["author"]) == ("The title", "Ann")


def test_rendered_page_breaks_count_and_the_one_after_an_explicit_break_does_not(
    reader: DocumentReader, tmp_path: Path
) -> None:
    body = (
        paragraph("one")
        + '<w:p><w:r><w:br w:type="page"/></w:r></w:p>'
        + "<w:p><w:r><w:lastRenderedPageBreak/><w:t>two</w:t></w:r></w:p>"
        + "<w:p><w:r><w:t>two too </w:t><w:lastRenderedPageBreak/><w:t>three</w:t></w:r></w:p>"
    )
    _, pages, _ = read(reader, write(tmp_path, "a.docx", docx(body)))
    assert [page.text.strip() for page in pages] == ["one", "two\n\ntwo too", "three"]


def test_deleted_text_and_second_renderings_are_left_out_and_notes_follow(
    reader: DocumentReader, tmp_path: Path
) -> None:
    w = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    body = (
        "<w:p><w:r><w:t>kept</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
        '<w:r><w:footnoteReference w:id="1"/></w:r></w:p>'
        '<mc:AlternateContent xmlns:mc="m"><mc:Choice>' + paragraph("box") + "</mc:Choice>"
        "<mc:Fallback>" + paragraph("box") + "</mc:Fallback></mc:AlternateContent>"
    )
    note = f'<w:footnotes {w}><w:footnote w:id="1">{paragraph("the note")}</w:footnote></w:footnotes>'
    _, _, text = read(reader, write(tmp_path, "a.docx", docx(body, {"word/footnotes.xml": note})))
    assert text == "kept[^1]\n\nbox\n\n[^1]: the note\n\n"


# HTML


def test_html_keeps_headings_lists_and_tables_and_drops_programs_and_menus(
    reader: DocumentReader, tmp_path: Path
) -> None:
    page = (
        "<!doctype html><html lang=en><head><title>My &amp; page</title><style>p{}</style>"
        "<meta name=author content='Zoë'><script>var x = '<p>no</p>'</script></head><body><nav>menu</nav>"
        "<h1>Head <b>bold</b></h1><p>Some <i>it</i>alic text,\n folded.</p><ul><li>one<li>two<ol><li>x</ol></ul>"
        "<table><tr><th>A<th>B<tr><td>1<td><p>2</p></table><pre>a\n  b</pre><p>caf\u00e9&nbsp;x<br>y</body>"
    )
    info, pages, text = read(reader, write(tmp_path, "a.html", page))
    assert text == (
        "# Head bold\n\nSome italic text, folded.\n\n- one\n- two\n  1. x\n\nA | B\n1 | 2\n\na\n  b\n\ncafé x\ny\n"
    )
    assert info.title == "My & page"
    assert info.metadata == {"language": "en", "author": "Zoë"}
    assert info.encoding == "utf-8"
    assert len(pages) == 1


def test_a_self_closed_script_in_html_does_not_swallow_the_page(reader: DocumentReader, tmp_path: Path) -> None:
    page = chapter("<script src='a.js'></script><p>still here</p>")
    assert "still here" in read(reader, write(tmp_path, "a.xhtml", page))[2]


def test_deeply_nested_html_is_read(reader: DocumentReader, tmp_path: Path) -> None:
    page = "<html><body>" + "<div>" * 20_000 + "deep" + "</div>" * 20_000 + "<p>after</p></body></html>"
    text = read(reader, write(tmp_path, "a.html", page))[2]
    assert "deep" in text
    assert "after" in text


# text


def test_text_is_kept_as_written_but_for_line_ends_and_control_characters(
    reader: DocumentReader, tmp_path: Path
) -> None:
    written = "\ufeffA  line \r\nwith\ta tab,\r\rcomposed e\u0301, so\u00adft, \x07bell <b>&amp;</b>\n"
    info, _, text = read(reader, write(tmp_path, "a.txt", written))
    assert text == "A  line \nwith\ta tab,\n\ncomposed é, soft, bell <b>&amp;</b>\n"
    assert info.media_type == "text/plain"


def test_form_feeds_are_page_breaks(reader: DocumentReader, tmp_path: Path) -> None:
    long_page = "A line of the second page.\n" * 200
    _, pages, _ = read(reader, write(tmp_path, "a.txt", f"one\f{long_page}\fthree"))
    assert [page.text for page in pages] == ["one\n", long_page, "three"]


def test_text_without_form_feeds_is_cut_at_paragraph_ends(reader: DocumentReader, tmp_path: Path) -> None:
    written = "".join(f"Paragraph {n}. {'Words and more words. ' * 20}\n\n" for n in range(50))
    _, pages, text = read(reader, write(tmp_path, "a.md", written))
    assert text == written
    assert all(page.text.endswith("\n\n") and page.text.startswith("Paragraph") for page in pages)
    assert all(1500 <= len(page.text) <= 4500 for page in pages)


def test_markdown_is_called_by_its_first_heading_or_front_matter(reader: DocumentReader, tmp_path: Path) -> None:
    assert read(reader, write(tmp_path, "a.md", "\n# A *title* #\n\ntext"))[0].title == "A *title*"
    info = read(reader, write(tmp_path, "b.md", "---\ntitle: 'Front'\nauthor: Ann\nx: y\n---\n# Not this\n"))[0]
    assert (info.title, info.metadata) == ("Front", {"author": "Ann"})
    assert read(reader, write(tmp_path, "c.md", "No heading\n# here"))[0].title == "c"


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("utf-8", "Grüße, 漢字, Привет"),
        ("utf-8-sig", "Grüße"),
        ("utf-16", "Grüße, 漢字"),
        ("utf-16-le", "Greetings without a byte order mark"),
        ("utf-16-be", "Greetings without a byte order mark"),
        ("utf-32", "Grüße"),
        ("cp1252", "Der Fluß fließt durch die Stadt – die “Überführung” ist schön."),
        ("cp1252", "Le café où l'été s'achève près de la forêt; ça c'est très français, n'est-ce pas?"),
        ("cp1251", "Привет, мир. Это простой текст на русском языке, чтобы проверить кодировку."),
        ("cp932", "これは日本語のテキストです。文字コードを確認するためのものです。"),
    ],
)
def test_text_in_many_encodings_is_read(reader: DocumentReader, tmp_path: Path, encoding: str, written: str) -> None:
    info, _, text = read(reader, write(tmp_path, "a.txt", written.encode(encoding)))
    assert text == written
    assert info.encoding == encoding


def test_html_is_read_in_the_encoding_that_it_declares(reader: DocumentReader, tmp_path: Path) -> None:
    page = "<html><head><meta charset=iso-8859-2><title>x</title></head><body>Zażółć gęślą jaźń</body></html>"
    info, _, text = read(reader, write(tmp_path, "a.html", page.encode("iso-8859-2")))
    assert (text, info.encoding) == ("Zażółć gęślą jaźń\n", "iso8859-2")


def test_html_that_is_utf8_but_declares_latin1_is_read_as_utf8(reader: DocumentReader, tmp_path: Path) -> None:
    page = "<html><head><meta charset=iso-8859-1><title>x</title></head><body>Zażółć</body></html>"
    assert read(reader, write(tmp_path, "a.html", page))[2] == "Zażółć\n"


def test_a_stray_byte_does_not_make_utf8_something_else(reader: DocumentReader, tmp_path: Path) -> None:
    written = "Grüße aus Überlingen. ".encode() * 50 + b"\xff"
    info, _, text = read(reader, write(tmp_path, "a.txt", written))
    assert info.encoding == "utf-8"
    assert text == "Grüße aus Überlingen. " * 50 + "\ufffd"


def test_a_long_ascii_text_with_one_byte_of_nothing_is_read(reader: DocumentReader, tmp_path: Path) -> None:
    _, _, text = read(reader, write(tmp_path, "a.txt", b"A line of text.\n" * 1000 + b"\x81\xff"))
    assert text.startswith("A line of text.\n" * 1000)
