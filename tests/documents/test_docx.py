"""DOCX: what Word shows that is not written as plain text, and parts that cannot be read."""

from pathlib import Path

import pytest

from fileintel.documents.document import Page
from fileintel.documents.load import DocumentReader
from fileintel.documents.word.numbering import formatted
from fileintel.documents.word.symbols import symbol

from .samples import W, docx, paragraph, write

RELATIONS = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
M = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'


def pages_of(
    reader: DocumentReader, folder: Path, body: str, extra: dict[str, str | bytes] | None = None
) -> list[Page]:
    return list(reader.read(write(folder, "a.docx", docx(body, extra)))[1])


def text_of(reader: DocumentReader, folder: Path, body: str, extra: dict[str, str | bytes] | None = None) -> str:
    return "".join(page.text for page in pages_of(reader, folder, body, extra)).strip()


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def related(identity: str, kind: str, target: str) -> dict[str, str | bytes]:
    relation = f'<Relationship Id="{identity}" Type="http://x/relationships/{kind}" Target="{target}"/>'
    return {"word/_rels/document.xml.rels": RELATIONS.format(relation)}


SHOWN, SECRET = '<w:vanish w:val="false"/>', '<w:rStyle w:val="S"/>'


def level(n: int, form: str, text: str, start: int = 1) -> str:
    return (
        f'<w:lvl w:ilvl="{n}"><w:start w:val="{start}"/><w:numFmt w:val="{form}"/><w:lvlText w:val="{text}"/></w:lvl>'
    )


def numbering(*levels: str, overrides: str = "") -> str:
    return (
        f'<w:numbering {W}><w:abstractNum w:abstractNumId="7">{"".join(levels)}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num>'
        f'<w:num w:numId="2"><w:abstractNumId w:val="7"/>{overrides}</w:num></w:numbering>'
    )


def item(text: str, n: int = 0, number_id: int = 1) -> str:
    properties = f'<w:pPr><w:numPr><w:ilvl w:val="{n}"/><w:numId w:val="{number_id}"/></w:numPr></w:pPr>'
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"


def test_clause_numbers_are_those_that_word_shows(reader: DocumentReader, tmp_path: Path) -> None:
    definition = numbering(level(0, "decimal", "%1.", 3), level(1, "decimal", "%1.%2"), level(2, "lowerLetter", "(%3)"))
    body = item("Duties") + item("Rent", 1) + item("Repairs", 1) + item("roof", 2) + item("Term") + item("Years", 1)
    text = text_of(reader, tmp_path, body, {"word/numbering.xml": definition})
    assert text.split("\n") == ["3. Duties", "3.1 Rent", "3.2 Repairs", "(a) roof", "4. Term", "4.1 Years"]


def test_a_list_begins_anew_where_it_is_told_and_goes_on_where_not(reader: DocumentReader, tmp_path: Path) -> None:
    again = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride>'
    body = item("a") + item("b") + paragraph("between") + item("c") + item("d", number_id=2) + item("e", number_id=2)
    text = text_of(
        reader, tmp_path, body, {"word/numbering.xml": numbering(level(0, "upperRoman", "%1)"), overrides=again)}
    )
    assert text.split() == ["I)", "a", "II)", "b", "between", "III)", "c", "I)", "d", "II)", "e"]


def test_a_paragraph_taken_out_of_a_list_has_no_mark(reader: DocumentReader, tmp_path: Path) -> None:
    definition = {"word/numbering.xml": numbering(level(0, "bullet", "•"))}
    text = text_of(reader, tmp_path, item("in") + item("out", number_id=0) + item("unknown", number_id=9), definition)
    assert text == "- in\nout\n\n- unknown"


def test_numbering_and_headings_of_styles_count_under_any_part_name(reader: DocumentReader, tmp_path: Path) -> None:
    styles = (
        f'<w:styles {W}><w:style w:styleId="H"><w:name w:val="heading 1"/><w:pPr><w:numPr>'
        '<w:numId w:val="1"/></w:numPr></w:pPr></w:style>'
        '<w:style w:styleId="K"><w:name w:val="x"/><w:basedOn w:val="H"/></w:style></w:styles>'
    )
    relations = RELATIONS.format(
        '<Relationship Id="a" Type="http://x/styles" Target="/word/stil2.xml"/>'
        '<Relationship Id="b" Type="http://x/numbering" Target="nummer.xml"/>'
        '<Relationship Id="c" Type="http://x/footnotes" Target="fn7.xml"/>'
    )
    body = "".join(f'<w:p><w:pPr><w:pStyle w:val="{s}"/></w:pPr>{run(s)}</w:p>' for s in "HK")
    note = f'<w:footnotes {W}><w:footnote w:id="2">{paragraph("the note")}</w:footnote></w:footnotes>'
    parts: dict[str, str | bytes] = {
        "word/_rels/document.xml.rels": relations,
        "word/stil2.xml": styles,
        "word/nummer.xml": numbering(level(0, "decimal", "§ %1")),
        "word/fn7.xml": note,
    }
    assert text_of(reader, tmp_path, body, parts) == "# § 1 H\n\n§ 2 K\n[^2]: the note"


@pytest.mark.parametrize(
    ("count", "form", "shown"),
    [
        (3, "decimal", "3"),
        (27, "lowerLetter", "aa"),
        (28, "upperLetter", "BB"),
        (49, "lowerRoman", "xlix"),
        (1994, "upperRoman", "MCMXCIV"),
        (4, "decimalZero", "04"),
        (11, "ordinal", "11th"),
        (22, "ordinal", "22nd"),
    ],
)
def test_numbers_are_written_in_their_form(count: int, form: str, shown: str) -> None:
    assert formatted(count, form) == shown


def test_hidden_text_is_left_out_by_whatever_hides_it(reader: DocumentReader, tmp_path: Path) -> None:
    styles = (
        f'<w:styles {W}><w:style w:styleId="S"><w:name w:val="secret"/><w:rPr><w:vanish/></w:rPr></w:style>'
        '<w:style w:styleId="T"><w:name w:val="more"/><w:basedOn w:val="S"/></w:style></w:styles>'
    )
    body = (
        f"<w:p>{run('Price 100 ')}{run('floor 60 ', '<w:vanish/>')}{run('each', SHOWN)}</w:p>"
        f'<w:p><w:pPr><w:pStyle w:val="T"/></w:pPr>{run("no")}{run("yes", SHOWN)}</w:p>'
        f"<w:p>{run('A')}{run('no', SECRET)}{run('B')}</w:p>"
    )
    assert text_of(reader, tmp_path, body, {"word/styles.xml": styles}) == "Price 100 each\n\nyes\n\nAB"


def test_raised_and_lowered_text_stays_apart(reader: DocumentReader, tmp_path: Path) -> None:
    up, down = '<w:vertAlign w:val="superscript"/>', '<w:vertAlign w:val="subscript"/>'
    body = (
        f"<w:p>{run('10')}{run('1', up)}{run('2', up)}{run(' l, H')}{run('2', down)}{run('O')}</w:p>"
        f"<w:p>{run('the 1')}{run('st', up)}{run(' of x')}{run('n+1', up)}</w:p>"
        f"<w:p>{run('in 1871')}{run('', up)}<w:r><w:rPr>{up}</w:rPr><w:footnoteReference w:id='3'/></w:r></w:p>"
        f"<w:p>{run('1', up)}{run(' See above')}</w:p>"
    )
    text = text_of(reader, tmp_path, body)
    assert text == "10¹² l, H₂O\n\nthe 1st of x^(n+1)\n\nin 1871[^3]\n\n1 See above"


def test_symbols_and_tabs_that_are_elements_are_read(reader: DocumentReader, tmp_path: Path) -> None:
    body = (
        f'<w:p>{run("Angle ")}<w:r><w:sym w:font="Symbol" w:char="F061"/></w:r>{run(" is 30")}'
        '<w:r><w:sym w:font="Symbol" w:char="F0B0"/><w:ptab w:alignment="right"/></w:r>'
        '<w:r><w:sym w:font="Wingdings" w:char="F0FC"/></w:r>'
        + run("\uf062", '<w:rFonts w:ascii="Symbol"/>')
        + "</w:p>"
    )
    assert text_of(reader, tmp_path, body) == "Angle α is 30°\t✓β"
    assert symbol("Symbol", 0xF0B3) == "≥"
    assert symbol("Unknown", 0xF0B3) == ""
    assert symbol("Arial", 0x2022) == "•"


def math(inside: str) -> str:
    return f"<w:p>{run('x ')}<m:oMath {M}>{inside}</m:oMath>{run(' y')}</w:p>"


def m(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        (f"<m:f><m:num>{m('1')}</m:num><m:den>{m('20')}</m:den></m:f>", "1/20"),
        (f"<m:f><m:num>{m('a+b')}</m:num><m:den>{m('c')}</m:den></m:f>", "(a+b)/c"),
        (f"<m:sSup><m:e>{m('10')}</m:e><m:sup>{m('6')}</m:sup></m:sSup>", "10⁶"),
        (f"<m:sSub><m:e>{m('x')}</m:e><m:sub>{m('i')}</m:sub></m:sSub>", "x_i"),
        (f"<m:rad><m:deg/><m:e>{m('x')}</m:e></m:rad>", "√(x)"),
        (f"<m:d><m:dPr><m:begChr m:val='['/><m:endChr m:val=']'/></m:dPr><m:e>{m('x')}</m:e></m:d>", "[x]"),
    ],
)
def test_formulas_are_a_line_that_means_the_same(
    reader: DocumentReader, tmp_path: Path, formula: str, shown: str
) -> None:
    assert text_of(reader, tmp_path, math(formula)) == f"x {shown} y"


def test_a_table_in_a_cell_and_a_deleted_row(reader: DocumentReader, tmp_path: Path) -> None:
    def row(*cells: str, properties: str = "") -> str:
        return f"<w:tr><w:trPr>{properties}</w:trPr>{''.join(f'<w:tc>{cell}</w:tc>' for cell in cells)}</w:tr>"

    inner = f"<w:tbl>{row(paragraph('1871'), paragraph('1902'))}</w:tbl>"
    gone = row(paragraph("gone"), paragraph("too"), properties='<w:del w:id="1"/>')
    table = f"<w:tbl>{row(paragraph('Owner'), paragraph('Brask') + inner + paragraph('sold'))}{gone}</w:tbl>"
    text = text_of(reader, tmp_path, table + paragraph("End."))
    assert text.split() == ["Owner", "|", "Brask", "1871", "|", "1902", "sold", "End."]


def test_tracked_changes_are_read_as_accepted(reader: DocumentReader, tmp_path: Path) -> None:
    body = (
        "<w:p><w:pPr><w:rPr><w:del w:id='1'/></w:rPr></w:pPr>" + run("Tilde ") + "</w:p>"
        f"<w:p>{run('Brask')}<w:ins>{run(' built')}</w:ins><w:del>{run('no')}</w:del>"
        f"<w:moveFrom>{run('no')}</w:moveFrom><w:moveTo>{run(' it')}</w:moveTo></w:p>"
        "<w:p><w:pPr><w:pPrChange><w:pPr><w:numPr><w:numId w:val='1'/></w:numPr></w:pPr></w:pPrChange></w:pPr>"
        f"{run('plain', '<w:rPrChange><w:rPr><w:vanish/></w:rPr></w:rPrChange>')}</w:p>"
    )
    assert text_of(reader, tmp_path, body) == "Tilde Brask built it\n\nplain"


def test_a_drop_cap_is_the_first_letter_of_its_word(reader: DocumentReader, tmp_path: Path) -> None:
    body = f'<w:p><w:pPr><w:framePr w:dropCap="drop"/></w:pPr>{run("T")}</w:p>{paragraph("ilde Brask")}'
    assert text_of(reader, tmp_path, body) == "Tilde Brask"


def test_a_text_box_does_not_tear_the_paragraph_that_it_hangs_at(reader: DocumentReader, tmp_path: Path) -> None:
    box = f"<w:r><w:pict><w:txbxContent>{paragraph('box one')}{paragraph('box two')}</w:txbxContent></w:pict></w:r>"
    assert text_of(reader, tmp_path, f"<w:p>{run('be')}{box}{run('fore')}</w:p>") == "before\n\nbox one\n\nbox two"


MHT = (
    "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; "
    "charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>Caf=C3=A9 10<sup>6</sup></p>\r\n--b--\r\n"
)


@pytest.mark.parametrize(
    ("name", "content", "shown"),
    [
        ("c.html", "<html><body><p>Brask <b>owned</b> it.</p></body></html>", "Brask owned it."),
        ("c.mht", MHT, "Café 10⁶"),
        ("c.txt", "plain", "plain"),
    ],
)
def test_text_that_is_included_from_another_file_is_read(
    reader: DocumentReader, tmp_path: Path, name: str, content: str, shown: str
) -> None:
    body = paragraph("before") + '<w:altChunk xmlns:r="r" r:id="rA"/>' + paragraph("after")
    extra = related("rA", "aFChunk", name) | {f"word/{name}": content}
    assert text_of(reader, tmp_path, body, extra) == f"before\n\n{shown}\n\nafter"


def test_a_part_that_cannot_be_read_is_a_gap_and_costs_no_other(reader: DocumentReader, tmp_path: Path) -> None:
    extra: dict[str, str | bytes] = {"word/footnotes.xml": f"<w:footnotes {W}>", "word/styles.xml": "<broken"}
    extra |= related("rA", "aFChunk", "c.rtf") | {"word/c.rtf": "{\\rtf1 x}", "docProps/core.xml": "<x"}
    body = paragraph("text") + '<w:altChunk xmlns:r="r" r:id="rA"/>'
    text, *gaps = pages_of(reader, tmp_path, body, extra)
    assert (text.text, text.gap) == ("text\n\n", None)
    assert {page.label for page in gaps} == {"footnotes.xml", "styles.xml", "c.rtf"}
    assert all(page.text == "" and page.gap for page in gaps)


def test_what_stands_before_a_break_in_the_text_is_kept(reader: DocumentReader, tmp_path: Path) -> None:
    text, gap = pages_of(reader, tmp_path, paragraph("kept") + "</w:oops>")
    assert text.text == "kept\n\n"
    assert "is damaged inside" in str(gap.gap)
