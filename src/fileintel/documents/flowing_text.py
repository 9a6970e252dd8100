"""Plain text that is written piece by piece: folded white space, paragraphs, and the rows of tables."""

import re

SPACES = re.compile(r"[ \t\n\r\f\xa0]+")
KEPT = 24  # characters that `before` shows
# A row is held until it ends, for the paragraphs in its cells to be joined. A longer one is no row of a table but the
# layout of a page, as is one that holds a heading or a table.
LONGEST_ROW = 4_000  # characters


class _Break(str):
    """Line ends inside a table's cell."""

    __slots__ = ()


class FlowingText:
    """Collects the text of a document; `take` gives what is ready."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._before = ""  # the end of what was written
        self._line_ends = 2  # that the output ends with; so nothing begins with an empty line
        self._owed = 0  # line ends to write before the next text
        self._space = False
        self.prefix = ""  # of the next text: the mark of a heading or a list's item
        self._row: list[str] | None = None  # what the open row holds, while it may be one line
        self._row_length = 0
        self._cells: list[int] = []  # of the open rows, how many cells each has so far
        self._fresh_cell = False  # nothing written in the current cell yet

    def take(self) -> str:
        """The text since the last call, but for an unfinished row."""
        text = "".join(self._out)
        self._out.clear()
        return text

    def close(self) -> None:
        """Give away also the row that was never ended."""
        self.lay_out()

    @property
    def before(self) -> str:
        """The end of the line so far; "" at its beginning."""
        if self._owed or self._line_ends:
            return ""
        return self._before + " " * self._space

    def write_folded(self, text: str) -> None:
        """Write text in which white space is only a space."""
        folded = SPACES.sub(" ", text)
        words = folded.strip(" ")
        self._space |= folded.startswith(" ")
        if words:
            self.write(words)
            self._space = folded.endswith(" ")

    def write(self, text: str) -> None:
        """Write text as it is, behind the breaks that are owed."""
        ends = self._owed - self._line_ends
        if ends > 0:
            self._append(_Break("\n" * ends))
        elif self._space and not self._line_ends and not self._owed:
            self._append(" ")
        self._owed = 0
        self._space = self._fresh_cell = False
        if self.prefix:
            self._append(self.prefix)
            self.prefix = ""
        self._append(text)
        self._before = text if len(text) > KEPT else (self._before + text)[-KEPT:]
        self._line_ends = len(text) - len(text.rstrip("\n")) if text.endswith("\n") else 0

    def end_lines(self, count: int) -> None:
        """At least `count` line ends stand before what is written next: two make a paragraph."""
        if self._fresh_cell:
            return  # the paragraph that a cell begins with must not tear its row apart
        self._owed = max(self._owed, count)
        self._space = False

    # tables

    def start_row(self) -> None:
        self.lay_out()
        self._cells.append(0)
        self._row, self._row_length = [], 0

    def start_cell(self) -> None:
        if not self._cells:
            self._cells.append(0)
        self._cells[-1] += 1
        if self._cells[-1] > 1:
            self._owed = 0
            self._space = False
            self.write(" |")
            self._space = True
        self._fresh_cell = True

    def end_cell(self) -> None:
        self._fresh_cell = False

    def end_row(self) -> None:
        cells = self._cells.pop() if self._cells else 0
        if self._row is not None and cells > 1:
            first = next((n for n, piece in enumerate(self._row) if not isinstance(piece, _Break)), 0)
            joined = [" " if isinstance(piece, _Break) else piece for piece in self._row[first:]]
            self._row[first:] = joined
            self._owed = 0  # by the last cell's paragraph
        self.lay_out()

    def lay_out(self) -> None:
        """The open row is more than a line: its cells keep their paragraphs."""
        if self._row is not None:
            self._out += self._row
            self._row = None

    def _append(self, text: str) -> None:
        if self._row is None:
            self._out.append(text)
            return
        self._row.append(text)
        self._row_length += len(text)
        if self._row_length > LONGEST_ROW:
            self.lay_out()
