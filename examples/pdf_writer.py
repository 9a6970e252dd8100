"""A small PDF writer: wrapped, justified text with headings, lists, tables, quotations and footnotes.

It needs nothing beyond the standard library. Text is set in the standard Type 1 fonts, encoded as WinAnsi
(so umlauts, dashes and typographic quotes come out of a text extraction as they went in), and nothing is
compressed, so that the same input gives the same bytes everywhere.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date

# advance widths in 1/1000 em of the WinAnsi codes 32 to 255; "a*n" stands for n times a
_WIDTH_TABLES = {
    "Times-Roman": """
        250 333 408 500*2 833 778 180 333*2 500 564 250 333 250 278 500*10 278*2 564*3 444 921 722 667*2 722 611 556
        722*2 333 389 722 611 889 722*2 556 722 667 556 611 722*2 944 722*2 611 333 278 333 469 500 333 444 500 444
        500 444 333 500*2 278*2 500 278 778 500*4 333 389 278 500*2 722 500*2 444 480 200 480 541 350 500 350 333
        500 444 1000 500*2 333 1000 556 333 889 350 611 350*2 333*2 444*2 350 500 1000 333 980 389 333 722 350 444
        722 250 333 500*4 200 500 333 760 276 500 564 333 760 333 400 564 300*2 333 500 453 250 333 300 310 500
        750*3 444 722*6 889 667 611*4 333*4 722*7 564 722*6 556 500 444*6 667 444*5 278*4 500*7 564 500*8
    """,
    "Times-Bold": """
        250 333 555 500*2 1000 833 278 333*2 500 570 250 333 250 278 500*10 333*2 570*3 500 930 722 667 722*2 667
        611 778*2 389 500 778 667 944 722 778 611 778 722 556 667 722*2 1000 722*2 667 333 278 333 581 500 333 500
        556 444 556 444 333 500 556 278 333 556 278 833 556 500 556*2 444 389 333 556 500 722 500*2 444 394 220 394
        520 350 500 350 333 500*2 1000 500*2 333 1000 556 333 1000 350 667 350*2 333*2 500*2 350 500 1000 333 1000
        389 333 722 350 444 722 250 333 500*4 220 500 333 747 300 500 570 333 747 333 400 570 300*2 333 556 540 250
        333 300 330 500 750*3 500 722*6 1000 722 667*4 389*4 722*2 778*5 570 778 722*5 611 556 500*6 722 444*5 278*4
        500 556 500*5 570 500 556*4 500 556 500
    """,
    "Times-Italic": """
        250 333 420 500*2 833 778 214 333*2 500 675 250 333 250 278 500*10 333*2 675*3 500 920 611*2 667 722 611*2
        722*2 333 444 667 556 833 667 722 611 722 611 500 556 722 611 833 611 556*2 389 278 389 422 500 333 500*2
        444 500 444 278 500*2 278*2 444 278 722 500*4 389*2 278 500 444 667 444*2 389 400 275 400 541 350 500 350
        333 500 556 889 500*2 333 1000 500 333 944 350 556 350*2 333*2 556*2 350 500 889 333 980 389 333 667 350 389
        556 250 389 500*4 275 500 333 760 276 500 675 333 760 333 400 675 300*2 333 500 523 250 333 300 310 500
        750*3 500 611*6 889 667 611*4 333*4 722 667 722*5 675 722*5 556 611 500*7 667 444*5 278*4 500*7 675 500*5
        444 500 444
    """,
    "Helvetica": """
        278*2 355 556*2 889 667 191 333*2 389 584 278 333 278*2 556*10 278*2 584*3 556 1015 667*2 722*2 667 611 778
        722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 667*2 611 278*3 469 556 333 556*2 500 556*2
        278 556*2 222*2 500 222 833 556*4 333 500 278 556 500 722 500*3 334 260 334 584 350 556 350 222 556 333 1000
        556*2 333 1000 667 333 1000 350 611 350*2 222*2 333*2 350 556 1000 333 1000 500 333 944 350 500 667 278 333
        556*4 260 556 333 737 370 556 584 333 737 333 400 584 333*3 556 537 278 333*2 365 556 834*3 611 667*6 1000
        722 667*4 278*4 722*2 778*5 584 778 722*4 667*2 611 556*6 889 500 556*4 278*4 556*7 584 611 556*4 500 556
        500
    """,
    "Helvetica-Bold": """
        278 333 474 556*2 889 722 238 333*2 389 584 278 333 278*2 556*10 333*2 584*3 611 975 722*4 667 611 778 722
        278 556 722 611 833 722 778 667 778 722 667 611 722 667 944 667*2 611 333 278 333 584 556 333 556 611 556
        611 556 333 611*2 278*2 556 278 889 611*4 389 556 333 611 556 778 556*2 500 389 280 389 584 350 556 350 278
        556 500 1000 556*2 333 1000 667 333 1000 350 611 350*2 278*2 500*2 350 556 1000 333 1000 556 333 944 350 500
        667 278 333 556*4 280 556 333 737 370 556 584 333 737 333 400 584 333*3 611 556 278 333*2 365 556 834*3 611
        722*6 1000 722 667*4 278*4 722*2 778*5 584 778 722*4 667*2 611 556*6 889 556*5 278*4 611*7 584 611*5 556 611
        556
    """,
}
_FAMILIES = {
    "serif": {"": "Times-Roman", "b": "Times-Bold", "i": "Times-Italic"},
    "sans": {"": "Helvetica", "b": "Helvetica-Bold", "i": "Helvetica-Oblique"},
}
_SIZES = {"A4": (595, 842, 72, 11.5), "B5": (499, 709, 60, 11), "A5": (420, 595, 50, 10)}  # points: w, h, margin, type


def _widths(table: str) -> list[int]:
    pairs = (part.partition("*") for part in table.split())
    return [int(width) for width, _, times in pairs for _ in range(int(times or 1))]


_WIDTHS = {name: _widths(table) for name, table in _WIDTH_TABLES.items()}
_WIDTHS["Helvetica-Oblique"] = _WIDTHS["Helvetica"]

Run = tuple[str, str]  # text and style: "" plain, "b" bold, "i" italic, "note" the number of a footnote


@dataclass
class Piece:
    """Part of a word in one font; `rise` lifts the number of a footnote."""

    text: str
    style: str
    size: float
    rise: float = 0.0


@dataclass
class Line:
    """One set line: words, each a list of pieces, with the left edge and the extra width of a space."""

    words: list[list[Piece]]
    x: float
    size: float
    stretch: float = 0.0
    notes: list[str] = field(default_factory=list)


class PdfWriter:
    """Sets paragraphs on pages; `render` returns the finished file."""

    def __init__(self, title: str, author: str, created: date, paper: str = "A4", family: str = "serif") -> None:
        self.title, self.author, self.created = title, author, created
        self.fonts = _FAMILIES[family]
        self.width, self.height, self.margin, self.size = _SIZES[paper]
        self.footnotes: dict[str, list[Run]] = {}
        self.pages: list[list[str]] = []
        self._new_page()

    # -- setting ------------------------------------------------------------------------------------------------

    def paragraph(
        self,
        runs: list[Run],
        *,
        scale: float = 1.0,
        style: str = "",
        indent: float = 0.0,
        label: str = "",
        after: float = 0.55,
        justify: bool = True,
        keep: int = 0,
    ) -> None:
        """Set one paragraph; there must be room on the page for `keep` lines before it may begin."""
        size = self.size * scale
        lines = self._wrap(runs, size, style, self.margin + indent, self.width - 2 * self.margin - indent, justify)
        for number, line in enumerate(lines):
            rest = len(lines) - number
            # neither the first line alone at the foot of a page nor the last alone at the head of the next
            need = max(keep, min(2, rest)) if number == 0 else (2 if rest == 2 else 1)
            self._make_room(need * size * 1.32, line.notes)
            self.y -= size * 1.32
            if number == 0 and label:
                self._draw(Line([[Piece(label, style, size)]], self.margin + indent - size * 1.5, size), self.y)
            self._draw(line, self.y)
        self.y -= size * after

    def heading(self, runs: list[Run], level: int) -> None:
        """Set a heading of level 1 (the title) to 3 together with the beginning of what follows."""
        if self.y < self.height - self.margin:
            self.y -= self.size * 0.6
        self.paragraph(runs, scale=(1.6, 1.2, 1.05)[level - 1], style="b", justify=False, after=0.5, keep=4)

    def table(self, rows: list[list[list[Run]]]) -> None:
        """Set a table with a bold first row; columns share the width by the length of their contents."""
        size, total = self.size * 0.9, self.width - 2 * self.margin
        weights = [max(6, min(34, max(sum(len(t) for t, _ in row[c]) for row in rows))) for c in range(len(rows[0]))]
        widths = [total * weight / sum(weights) for weight in weights]
        edges = [self.margin + sum(widths[:c]) for c in range(len(widths))]
        for number, row in enumerate(rows):
            style = "b" if number == 0 else ""
            cells = [self._wrap(c, size, style, x, w - 8, False) for c, x, w in zip(row, edges, widths, strict=True)]
            height = max(map(len, cells)) * size * 1.3 + 5
            self._make_room(height + (2 * size if number == 0 else 0), [])
            for cell in cells:
                for k, line in enumerate(cell):
                    self._draw(line, self.y - (k + 1) * size * 1.3)
            self.y -= height
            self._rule(self.margin, self.width - self.margin, self.y, 0.8 if number == 0 else 0.3)
        self.y -= self.size * 0.8

    def _wrap(self, runs: list[Run], size: float, base: str, x: float, width: float, justify: bool) -> list[Line]:
        words: list[list[Piece]] = [[]]
        for text, style in runs:
            note = style == "note"
            for k, part in enumerate(text.split(" ")):
                if k:
                    words.append([])
                if part:
                    words[-1].append(
                        Piece(part, style, size * 0.65, size * 0.33) if note else Piece(part, style or base, size)
                    )
        lines: list[Line] = []
        current: list[list[Piece]] = []
        used, space = 0.0, self._advance(" ", base, size)
        for word in filter(None, words):
            length = sum(self._advance(p.text, p.style, p.size) for p in word)
            if current and used + space + length > width:
                stretch = (width - used) / (len(current) - 1) if justify and len(current) > 1 else 0.0
                lines.append(Line(current, x, size, stretch))
                current, used = [], 0.0
            used += length + (space if current else 0.0)
            current.append(word)
        lines.append(Line(current, x, size))
        for line in lines:
            line.notes = [p.text for word in line.words for p in word if p.style == "note"]
        return lines

    def _advance(self, text: str, style: str, size: float) -> float:
        table = _WIDTHS[self.fonts.get(style, self.fonts[""])]
        return sum(table[code - 32] for code in text.encode("cp1252")) * size / 1000

    # -- pages --------------------------------------------------------------------------------------------------

    def _new_page(self) -> None:
        self.pages.append([])
        self.y: float = self.height - self.margin
        self.notes: list[Line] = []
        if len(self.pages) > 1:
            short = self.title if len(self.title) < 80 else self.title[:76].rsplit(" ", 1)[0] + " …"
            head = self._wrap([(short, "i")], self.size * 0.8, "", self.margin, self.width, False)[0]
            self._draw(head, self.height - self.margin * 0.6)

    def _make_room(self, height: float, references: list[str]) -> None:
        """Begin a new page if neither the height nor the footnotes referred to fit on this one."""
        size = self.size * 0.8
        new = [
            line
            for name in references
            for line in self._wrap(
                [(f"{name}. ", ""), *self.footnotes[name]],
                size,
                "",
                self.margin,
                self.width - 2 * self.margin,
                False,
            )
        ]
        foot = (len(self.notes) + len(new)) * size * 1.25 + (size if self.notes or new else 0)
        if self.y - height < self.margin + foot and self.y < self.height - self.margin:
            self._close_page()
            self._new_page()
        self.notes += new

    def _close_page(self) -> None:
        size = self.size * 0.8
        y = self.margin + len(self.notes) * size * 1.25
        if self.notes:
            self._rule(self.margin, self.margin + 80, y, 0.4)
        for line in self.notes:
            y -= size * 1.25
            self._draw(line, y)
        self.notes = []
        number, size = str(len(self.pages)), self.size * 0.85
        x = (self.width - self._advance(number, "", size)) / 2
        self._draw(Line([[Piece(number, "", size)]], x, size), self.margin * 0.5)

    def _rule(self, left: float, right: float, y: float, thickness: float) -> None:
        self.pages[-1].append(f"{thickness} w {left:.2f} {y:.2f} m {right:.2f} {y:.2f} l S")

    def _draw(self, line: Line, y: float) -> None:
        names = list(self.fonts)
        out = [f"BT {line.stretch:.4f} Tw 1 0 0 1 {line.x:.2f} {y:.2f} Tm"]
        pieces: list[Piece] = []
        for number, word in enumerate(line.words):
            for k, piece in enumerate(word):
                gap = " " if number and k == 0 else ""
                last = pieces[-1] if pieces else None
                if last and (last.style, last.size) == (piece.style, piece.size):
                    last.text += gap + piece.text
                elif last and gap and last.rise:  # a space after a footnote's number belongs to the text
                    pieces.append(Piece(gap + piece.text, piece.style, piece.size))
                else:
                    if last:
                        last.text += gap
                    pieces.append(Piece(piece.text, piece.style, piece.size, piece.rise))
        for piece in pieces:
            font = names.index(piece.style) if piece.style in self.fonts else 0
            out.append(f"/F{font} {piece.size:.2f} Tf {piece.rise:.2f} Ts {_string(piece.text)} Tj")
        self.pages[-1].append(" ".join([*out, "ET"]))

    # -- the file -----------------------------------------------------------------------------------------------

    def render(self) -> bytes:
        """Return the PDF."""
        self._close_page()
        count, first = len(self.pages), 4 + len(self.fonts)  # objects 1-3, fonts, then a page and a content each
        kids = " ".join(f"{first + 2 * k} 0 R" for k in range(count))
        resources = " ".join(f"/F{k} {4 + k} 0 R" for k in range(len(self.fonts)))
        stamp = f"(D:{self.created:%Y%m%d}120000Z)"
        objects = [
            "<< /Type /Catalog /Pages 2 0 R /Lang (en) /ViewerPreferences << /DisplayDocTitle true >> >>",
            f"<< /Type /Pages /Count {count} /Kids [{kids}] /MediaBox [0 0 {self.width} {self.height}]"
            f" /Resources << /Font << {resources} >> >> >>",
            f"<< /Title {_unicode(self.title)} /Author {_unicode(self.author)}"
            f" /CreationDate {stamp} /ModDate {stamp} >>",
        ]
        for name in self.fonts.values():
            objects.append(
                f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding"
                f" /FirstChar 32 /LastChar 255 /Widths [{' '.join(map(str, _WIDTHS[name]))}] >>"
            )
        for k, page in enumerate(self.pages):
            content = "\n".join(page)
            objects.append(f"<< /Type /Page /Parent 2 0 R /Contents {first + 2 * k + 1} 0 R >>")
            objects.append(f"<< /Length {len(content.encode('cp1252'))} >>\nstream\n{content}\nendstream")
        out, offsets = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), []
        for number, body in enumerate(objects, 1):
            offsets.append(len(out))
            out += f"{number} 0 obj\n{body}\nendobj\n".encode("cp1252")
        start, digest = len(out), hashlib.md5(out, usedforsecurity=False).hexdigest()
        out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
        out += "".join(f"{offset:010d} 00000 n \n" for offset in offsets).encode()
        out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info 3 0 R /ID [<{digest}> <{digest}>] >>\n".encode()
        out += f"startxref\n{start}\n%%EOF\n".encode()
        return bytes(out)


def _string(text: str) -> str:
    return "(" + text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)") + ")"


def _unicode(text: str) -> str:
    return f"<feff{text.encode('utf-16-be').hex()}>"
