"""HTML and EPUB: what a browser shows, in a line of plain text that keeps its meaning."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fileintel.documents.formats.html import html_text
from fileintel.documents.load import DocumentReader
from fileintel.documents.markup import MarkupText

from .samples import chapter, epub, write


def text_of(body: str) -> str:
    return "".join(html_text(iter([f"<html><body>{body}</body></html>"]), MarkupText())).strip()


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("holds 10<sup>6</sup> litres", "holds 10⁶ litres"),
        ("5×10<sup>−3</sup> bar", "5×10⁻³ bar"),
        ("H<sub>2</sub>O and C<sub>6</sub>H<sub>12</sub>", "H₂O and C₆H₁₂"),
        ("x<sup>n</sup> + x<sup>n+1</sup>", "x^n + x^(n+1)"),
        ("v<sub>max</sub> of a<sub>i,j</sub>", "v_max of a_(i,j)"),
        ("opened in 1871<sup>2</sup>.", "opened in 1871²."),
        ("in 1871<sup><a href='#fn2'>2</a></sup>.", "in 1871[^2]."),
        ("in 1871<a href='notes.xhtml#n2'><sup>2</sup></a>.", "in 1871[^2]."),
        ("in 1871<sup><a href='#cite_note-1'>[1]</a></sup>.", "in 1871^[1]."),
        ("the 1<sup>st</sup> and XIX<sup>e</sup>, 2<sup>nd</sup>", "the 1st and XIXe, 2nd"),
        ("M<sup>lle</sup> Brask, Mill<sup>TM</sup>", "Mlle Brask, Mill™"),
        ("<sup>1</sup> See above.", "1 See above."),
        ("10<span style='vertical-align: super'>6</span> l", "10⁶ l"),
        ("10<span style='font-size:9px;vertical-align:sub'>6</span> l", "10₆ l"),
        ("a<sup>see the note below on it</sup> b", "a see the note below on it b"),
        ("10<sup><b>6</b></sup> l", "10⁶ l"),
        ("10<sup>6<p>New paragraph</p>", "10⁶\n\nNew paragraph"),
        ("<ruby>東京<rp>(</rp><rt>とうきょう</rt><rp>)</rp></ruby>の", "東京の"),
        ("<ruby><rb>鈴</rb><rt>すず</rt><rb>木</rb><rt>き</rt></ruby>が", "鈴木が"),
    ],
)
def test_raised_and_lowered_text_stays_apart(markup: str, expected: str) -> None:
    assert text_of(f"<p>{markup}</p>") == expected


@given(st.integers(0, 10**6), st.integers(0, 99))
def test_an_exponent_never_becomes_part_of_its_number(base: int, exponent: int) -> None:
    text = text_of(f"<p>{base}<sup>{exponent}</sup></p>")
    assert f"{base}{exponent}" not in text
    assert text.startswith(str(base))


MROW = "<mrow><mi>E</mi><mo>=</mo><mi>m</mi><msup><mi>c</mi><mn>2</mn></msup></mrow>"
TEX = '<annotation encoding="application/x-tex">E=mc^{2}</annotation>'


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        (f"<math><semantics>{MROW}{TEX}</semantics></math>", "E=mc^{2}"),
        (f"<math alttext='{{\\displaystyle E=mc^2}}'>{MROW}</math>", "E=mc^2"),
        (f"<math>{MROW}</math>", "E = mc²"),
        (
            f"<math><semantics>{MROW}<annotation-xml encoding='MathML-Content'><apply><times/><ci>m</ci></apply>"
            f"</annotation-xml>{TEX}</semantics></math>",
            "E=mc^{2}",
        ),
        ("<math><mfrac><mn>1</mn><mn>20</mn></mfrac></math>", "1/20"),
        ("<math><mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mi>c</mi></mfrac></math>", "(a + b)/c"),
        ("<math><msqrt><mi>x</mi></msqrt><msub><mi>x</mi><mi>i</mi></msub></math>", "√(x)x_i"),
        ("<math><msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup></math>", "x₁²"),
        ("<math><mroot><mi>x</mi><mn>3</mn></mroot></math>", "³√(x)"),
        (f"<span class='mwe-math-mathml-inline' style='display: none;'><math>{MROW}</math></span>", "E = mc²"),
        (
            f"<span class='katex'><span class='katex-mathml'><math>{MROW}</math></span>"
            "<span class='katex-html' aria-hidden='true'><span>E</span>=mc2</span></span>",
            "E = mc²",
        ),
    ],
)
def test_a_formula_stands_there_once(markup: str, expected: str) -> None:
    assert text_of(f"<p>Energy {markup} was shown.</p>") == f"Energy {expected} was shown."


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>no</p>",
        "<p hidden=''>no</p>",
        "<div style='display:none'>no</div>",
        "<div style='color: red; DISPLAY : none !important'>no<p>no</p></div>",
        "<span style='visibility:hidden'>no</span>",
        "<dialog>no</dialog>",
        "<dialog id=x>no</dialog>",
        "<video>no</video>",
        "<div hidden>no<br>no<img src=x>no</div>",
    ],
)
def test_what_no_browser_shows_is_left_out(hidden: str) -> None:
    assert text_of(f"<p>Shown.</p>{hidden}<p>Too.</p>") == "Shown.\n\nToo."


@pytest.mark.parametrize(
    "shown",
    [
        "<p hidden=until-found>yes</p>",
        "<dialog open>yes</dialog>",
        "<details><p>yes</p></details>",
        "<p style='display:block'>yes</p>",
        "<p aria-hidden=true>yes</p>",
    ],
)
def test_what_a_browser_shows_is_kept(shown: str) -> None:
    assert "yes" in text_of(shown)


def test_the_paragraphs_of_a_cell_stay_in_its_row() -> None:
    table = (
        "<table><tr><th>Owner</th><th>Year</th></tr>"
        "<tr><td><p>Tilde Brask</p><p>and sons</p></td><td>1871<br>or so</td></tr>"
        "<tr><td><ul><li>one</li><li>two</li></ul></td><td><div>a</div><div>b</div></td></tr></table>"
    )
    assert text_of(table) == "Owner | Year\nTilde Brask and sons | 1871 or so\n- one - two | a b"


def test_the_layout_of_a_page_by_a_table_is_no_row() -> None:
    page = "<table><tr><td>Menu</td><td><h1>Title</h1><p>One.</p><p>Two.</p></td></tr></table>"
    assert text_of(page).endswith("# Title\n\nOne.\n\nTwo.")
    long = "".join(f"<p>Paragraph {n} of the page.</p>" for n in range(500))
    assert "Paragraph 7 of the page.\n\nParagraph 8" in text_of(f"<table><tr><td>Menu</td><td>{long}</td></tr></table>")
    single = "<table><tr><td><p>One.</p><p>Two.</p></td></tr></table>"
    assert text_of(single) == "One.\n\nTwo."


def test_a_table_in_a_cell_keeps_its_words_and_rows_apart() -> None:
    inner = "<table><tr><td>1871</td><td>1902</td></tr><tr><td>built</td><td>sold</td></tr></table>"
    text = text_of(f"<table><tr><td>Owner</td><td>Brask{inner}</td><td>end</td></tr></table>")
    assert "1871 | 1902\nbuilt | sold" in text
    assert "Brask1871" not in text
    assert "soldend" not in text


CELL = st.text("ab1 ", min_size=1).filter(str.strip)


@given(st.lists(st.lists(st.lists(CELL, min_size=1, max_size=3), min_size=2, max_size=3), min_size=1, max_size=4))
def test_each_row_of_a_table_is_one_line(rows: list[list[list[str]]]) -> None:
    cells = ["".join(f"<td>{''.join(f'<p>{p}</p>' for p in cell)}</td>" for cell in row) for row in rows]
    text = text_of("<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>")
    expected = [" | ".join(" ".join(" ".join(cell).split()) for cell in row) for row in rows]
    assert text.split("\n") == expected


def test_chapters_of_a_book_are_read_like_pages(reader: DocumentReader, tmp_path: Path) -> None:
    body = "<p>10<sup>6</sup> <ruby>東京<rt>とうきょう</rt></ruby><span hidden='hidden'>no</span></p>"
    _, pages = reader.read(write(tmp_path, "a.epub", epub({"a.xhtml": chapter(body)})))
    assert [page.text for page in pages] == ["10⁶ 東京\n\n"]
