"""The text of a WordprocessingML part: its events in, plain text out, without a tree in between."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fileintel.documents.raised import lowered, raised
from fileintel.documents.word.numbering import BULLET, Numbering
from fileintel.documents.word.omml import Omml
from fileintel.documents.word.styles import PLAIN, Style, Styles
from fileintel.documents.word.symbols import symbol, without_private
from fileintel.documents.word.xml_names import attribute, hexadecimal, is_on, local, number

# a second rendering of the same thing, deleted text, field codes, ruby's pronunciation, what properties were before
SKIPPED = frozenset({"Fallback", "del", "moveFrom", "instrText", "delInstrText", "rt", "delText"}) | frozenset(
    {"pPrChange", "rPrChange", "sectPrChange", "tblPrChange", "trPrChange", "tcPrChange", "numberingChange"}
)
DELETED = ("del", "moveFrom")
SIGNS = frozenset({"tab", "ptab", "br", "cr", "noBreakHyphen", "lastRenderedPageBreak", "pageBreakBefore", "sym"})
SHIFTS = {"superscript": raised, "subscript": lowered}
BEFORE = 24  # characters that raised text is to follow


@dataclass(slots=True)
class _Run:
    """What decides how the text of a run is written; `None` leaves it to the paragraph's style."""

    is_hidden: bool | None = None
    shift: str | None = None
    font: str = ""


@dataclass(slots=True)
class _Paragraph:
    parts: list[str] = field(default_factory=list)
    style: Style = PLAIN
    list_id: str | None = None
    level: int | None = None
    mark: str = ""  # of the note that it begins
    goes_on: bool = False  # whether the next paragraph is its continuation: a drop cap, a deleted paragraph mark
    boxes: list[str] = field(default_factory=list)  # the text of text boxes that hang at it


@dataclass(slots=True)
class _Row:
    cells: int = 0
    cell_has_text: bool = False
    is_deleted: bool = False
    start: int = 0  # of its text in the output


class Body:
    """A parser target for lxml. Page breaks come as form feeds.

    Parameters:
        styles, numbering: those of the document.
        note_tag, note_mark: of a part with notes, the element of a note and the letter before its number.
        chunks: relationship id → the text of a part that the text includes (altChunk).
    """

    def __init__(
        self,
        styles: Styles,
        numbering: Numbering,
        note_tag: str = "",
        note_mark: str = "",
        chunks: Mapping[str, str] | None = None,
    ) -> None:
        self.started = False
        self._styles = styles
        self._numbering = numbering
        self._note_tag = note_tag
        self._note_mark = note_mark
        self._chunks = chunks or {}
        self._out: list[str] = []
        self._paragraph = _Paragraph()
        self._outer: list[tuple[_Paragraph, list[str], list[_Row]]] = []  # the paragraphs around open text boxes
        self._run: _Run | None = None
        self._shifted = ""  # raised or lowered text that may go on in the next run
        self._shift: str | None = None
        self._formula: Omml | None = None
        self._in_text = False
        self._in_row_properties = False
        self._in_properties = False  # of a paragraph
        self._skipping = 0
        self._broken = True  # no text since the last page break
        self._rows: list[_Row] = []

    def take(self) -> str:
        """The text since the last call, but for an unfinished row or text box."""
        if self._outer or self._rows:
            return ""
        text = "".join(self._out)
        self._out.clear()
        return text

    # the interface of lxml's parser targets

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.started = True
        name = local(tag)
        if self._skipping or name in SKIPPED:
            if not self._skipping and name in DELETED:
                self._note_deletion()
            self._skipping += 1
        elif self._formula:
            self._formula.start(name, attributes)
        elif name == "t":
            self._in_text = True
        elif name == "r":
            self._run = _Run()
        elif name in SIGNS:
            self._sign(name, attributes)
        elif name == "oMath":
            self._formula = Omml()
        elif not (self._run and self._run_property(name, attributes)):
            self._start_structure(name, attributes)

    def end(self, tag: str) -> None:
        if self._skipping:
            self._skipping -= 1
            return
        name = local(tag)
        if self._formula:
            self._end_in_formula(name)
        elif name == "t":
            self._in_text = False
        elif name == "r":
            self._run = None
        elif name == "p":
            self._end_paragraph()
        elif name == "pPr":
            self._in_properties = False
        elif name == "trPr":
            self._in_row_properties = False
        elif name == "tr" and self._rows:
            self._end_row()
        elif name == "tbl":
            self._out.append("\n")
        elif name == "txbxContent" and self._outer:
            self._end_box()

    def data(self, text: str) -> None:
        if self._skipping:
            return
        if self._formula:
            self._formula.data(text)
        elif self._in_text:
            self._add(without_private(text, self._run.font if self._run else ""))

    def close(self) -> None:
        while self._outer:
            self._end_box()
        self._end_paragraph()
        self._rows.clear()

    # properties

    def _run_property(self, name: str, attributes: Mapping[str, str]) -> bool:
        run = self._run
        if run is None:
            return False
        if name == "vanish":
            run.is_hidden = is_on(attributes)
        elif name == "vertAlign":
            run.shift = attribute(attributes, "val")
        elif name == "rFonts":
            run.font = attribute(attributes, "ascii") or attribute(attributes, "hAnsi")
        elif name == "rStyle":
            style = self._styles.get(attribute(attributes, "val"))
            run.is_hidden = style.is_hidden if run.is_hidden is None else run.is_hidden
            run.shift = run.shift or style.shift
        else:
            return False
        return True

    def _start_structure(self, name: str, attributes: Mapping[str, str]) -> None:
        value = attribute(attributes, "val")
        if name == "pPr":
            self._in_properties = True
        elif name == "pStyle":
            self._paragraph.style = self._styles.get(value)
        elif name == "numPr":
            self._paragraph.list_id = self._paragraph.list_id or ""
        elif name == "numId":
            self._paragraph.list_id = value
        elif name == "ilvl":
            self._paragraph.level = number(value, 0)
        elif name == "framePr" and attribute(attributes, "dropCap") not in ("", "none"):
            self._paragraph.goes_on = True
        elif name == "tbl" and self._rows:
            self._out.append("\n")  # a table in a cell has lines of its own
            self._rows[-1].cell_has_text = False
        elif name == "tr":
            self._rows.append(_Row(start=len(self._out)))
        elif name == "trPr":
            self._in_row_properties = True
        elif name == "tc" and self._rows:
            self._start_cell(self._rows[-1])
        elif name == "txbxContent":
            self._outer.append((self._paragraph, self._out, self._rows))
            self._paragraph, self._out, self._rows = _Paragraph(), [], []
        elif name == "altChunk":
            self._out.append(self._chunks.get(attribute(attributes, "id"), ""))
        elif name in ("footnoteReference", "endnoteReference"):
            self._flush_shift()
            mark = "e" if name.startswith("end") else ""
            self._paragraph.parts.append(f"[^{mark}{attribute(attributes, 'id')}]")
        elif name == self._note_tag and attribute(attributes, "id") not in ("", "-1", "0"):  # those are the rules
            self._paragraph.mark = f"[^{self._note_mark}{attribute(attributes, 'id')}]: "

    def _note_deletion(self) -> None:
        """Deleted is the row, in whose properties it stands, or the paragraph's mark: then the next one goes on."""
        if self._in_row_properties and self._rows:
            self._rows[-1].is_deleted = True
        elif self._in_properties:
            self._paragraph.goes_on = True

    # text

    def _add(self, text: str) -> None:
        run, style = self._run or _Run(), self._paragraph.style
        if style.is_hidden if run.is_hidden is None else run.is_hidden:
            return
        shift = run.shift or style.shift
        if shift != self._shift or shift not in SHIFTS:
            self._flush_shift()
        if shift in SHIFTS:
            self._shift = shift
            self._shifted += text
        else:
            self._paragraph.parts.append(text)
        self._broken = False

    def _flush_shift(self) -> None:
        if self._shifted and self._shift:
            before = "".join(self._paragraph.parts[-BEFORE:])[-BEFORE:]
            shown = SHIFTS[self._shift](self._shifted, before)
            self._paragraph.parts.append(shown + " " * self._shifted.endswith(" "))
        self._shifted, self._shift = "", None

    def _sign(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "sym":
            self._add(symbol(attribute(attributes, "font"), hexadecimal(attribute(attributes, "char"))))
            return
        if name in ("tab", "ptab"):
            # also a tab stop in a paragraph's properties, which is outside of a run
            if self._run is not None:
                self._add("\t")
            return
        self._flush_shift()
        if name == "noBreakHyphen":
            self._paragraph.parts.append("-")
        elif name == "cr" or (name == "br" and attribute(attributes, "type") != "page"):
            self._paragraph.parts.append("\n")
        elif not is_on(attributes):
            return
        elif name == "br" or not self._broken:
            # the rendered break that follows an explicit one is the same break
            self._paragraph.parts.append("\f")
            self._broken = True

    def _end_in_formula(self, name: str) -> None:
        if self._formula and name != "oMath":
            self._formula.end(name)
        elif self._formula:
            text = self._formula.text()
            self._formula = None
            self._add(text)

    def _end_paragraph(self) -> None:
        self._flush_shift()
        paragraph = self._paragraph
        self._paragraph = _Paragraph()
        if paragraph.goes_on:
            self._paragraph.parts = paragraph.parts
            self._paragraph.mark = paragraph.mark
            self._paragraph.boxes = paragraph.boxes
            return
        text = "".join(paragraph.parts)
        if self._rows and text.strip():
            # several paragraphs in a cell stay in their row
            prefix = paragraph.mark or self._list_mark(paragraph, bullets=False)
            self._out.append(" " * self._rows[-1].cell_has_text + prefix + text)
            self._rows[-1].cell_has_text = True
        elif text.strip():
            heading = paragraph.style.heading
            item = "" if paragraph.mark else self._list_mark(paragraph, bullets=not heading)
            start = len(text) - len(text.lstrip("\f"))  # a page break comes before the heading's mark
            mark = paragraph.mark or heading + item
            self._out.append(text[:start] + mark + text[start:] + ("\n" if item and not heading else "\n\n"))
        elif "\f" in text:
            self._out.append("\f")
        self._out += paragraph.boxes

    def _list_mark(self, paragraph: _Paragraph, bullets: bool) -> str:
        list_id = paragraph.style.list_id if paragraph.list_id is None else paragraph.list_id
        if list_id is None or list_id == "0":
            return ""
        level = paragraph.style.level if paragraph.level is None else paragraph.level
        label = self._numbering.label(list_id, level)
        if label is None or label == BULLET:
            return BULLET * bullets
        return label

    # tables and text boxes

    def _start_cell(self, row: _Row) -> None:
        row.cells += 1
        row.cell_has_text = False
        if row.cells > 1:
            self._out.append(" | ")

    def _end_row(self) -> None:
        row = self._rows.pop()
        if row.is_deleted:
            del self._out[row.start :]
        else:
            self._out.append("\n")

    def _end_box(self) -> None:
        if self._paragraph.parts:
            self._end_paragraph()
        box = "".join(self._out)
        self._paragraph, self._out, self._rows = self._outer.pop()
        if self._rows:
            box = " ".join(box.split())
        self._paragraph.boxes.append((" " if self._rows else "") + box)
