"""Turning HTML's elements into plain text that reads like Markdown, while the parser runs."""

import re
from collections.abc import Mapping

# These hold no text of the document: programs, styles, menus, and what is shown instead when something fails.
SKIPPED = frozenset({"script", "style", "nav", "noscript", "template", "iframe", "object", "svg", "select", "datalist"})
HEADINGS = {"h1": "# ", "h2": "## ", "h3": "### ", "h4": "#### ", "h5": "##### ", "h6": "###### "}
# how many line ends stand around an element: two make a paragraph
PARAGRAPHS = frozenset(
    {*HEADINGS, "p", "ul", "ol", "dl", "table", "blockquote", "pre", "section", "article", "main", "figure", "hr"}
    | {"aside", "header", "footer", "fieldset", "details", "address", "body"}
)
LINES = frozenset({"div", "li", "tr", "dt", "dd", "br", "caption", "figcaption", "summary", "form", "legend", "option"})
LISTS = frozenset({"ul", "ol"})
CELLS = frozenset({"td", "th"})
SPACES = re.compile(r"[ \t\n\r\f\xa0]+")

META_NAMES = {
    "author": "author",
    "dc.creator": "author",
    "dcterms.creator": "author",
    "article:author": "author",
    "description": "description",
    "keywords": "keywords",
    "date": "created",
    "dc.date": "created",
    "dcterms.created": "created",
    "article:published_time": "created",
    "dc.language": "language",
    "dc.publisher": "publisher",
}


class MarkupText:
    """A parser target for lxml: takes the parser's events, gives text by `take`.

    Headings begin with `#`, list items with `-` or their number, cells are separated by ` | `; white space is
    folded but in `pre`. Nothing of the tree is kept. `title`, `metadata` and `heading` (the first one) fill up as
    they come by.
    """

    def __init__(self) -> None:
        self.title = ""
        self.heading = ""
        self.metadata: dict[str, str] = {}
        self.started = False
        self._out: list[str] = []
        self._line_ends = 2  # that the output ends with; so nothing begins with an empty line
        self._owed = 0  # line ends to write before the next text
        self._space = False
        self._prefix = ""
        self._skipping = 0  # depth below a skipped element
        self._preformatted = 0
        self._lists: list[int | None] = []  # of the open lists, the number of the last item; None without numbers
        self._in_title = False
        self._in_heading = False
        self._cells = 0
        self._fresh_cell = False  # nothing written in the current cell yet

    def take(self) -> str:
        """The text since the last call."""
        text = "".join(self._out)
        self._out.clear()
        return text

    # the interface of lxml's parser targets

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.started = True
        tag = _local(tag)
        if self._skipping or tag in SKIPPED:
            self._skipping += 1
            return
        self._break(tag)
        if tag in HEADINGS:
            self._prefix = HEADINGS[tag]
            self._in_heading = not self.heading
        elif tag in LISTS:
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._prefix = self._next_item()
        elif tag == "tr":
            self._cells = 0
        elif tag in CELLS:
            self._start_cell()
        elif tag == "pre":
            self._preformatted += 1
        elif tag == "title":
            self._in_title = not self.title
        else:
            self._note(tag, attributes)

    def end(self, tag: str) -> None:
        if self._skipping:
            self._skipping -= 1
            return
        tag = _local(tag)
        if tag in CELLS:
            self._fresh_cell = False
        self._break(tag)
        if tag in LISTS and self._lists:
            self._lists.pop()
        elif tag == "pre":
            self._preformatted = max(0, self._preformatted - 1)
        elif tag == "title":
            self._in_title = False
            self.title = SPACES.sub(" ", self.title).strip()
        elif tag in HEADINGS:
            self._in_heading = False
            self._prefix = ""
            self.heading = self.heading.strip()

    def data(self, text: str) -> None:
        if self._skipping:
            return
        if self._in_title:
            self.title += text
            return
        if self._preformatted:
            self._write(text)
            return
        folded = SPACES.sub(" ", text)
        if self._in_heading:
            self.heading += folded
        words = folded.strip(" ")
        self._space |= folded.startswith(" ")
        if words:
            self._write(words)
            self._space = folded.endswith(" ")

    def comment(self, text: str) -> None:
        pass

    def close(self) -> None:
        pass

    # writing

    def _break(self, tag: str) -> None:
        if self._fresh_cell:
            return  # the paragraph that a cell begins with must not tear its row apart
        wanted = 2 if tag in PARAGRAPHS else 1 if tag in LINES else 0
        if tag in LISTS and self._lists:
            wanted = 1  # a list inside a list stays with its item
        if wanted and self._preformatted and tag != "pre":
            self._write("\n")
        elif wanted:
            self._owed = max(self._owed, wanted)
            self._space = False

    def _write(self, text: str) -> None:
        ends = max(0, self._owed - self._line_ends)
        if ends:
            self._out.append("\n" * ends)
        elif self._space and not self._line_ends and not self._owed:
            self._out.append(" ")
        self._owed = 0
        self._space = self._fresh_cell = False
        self._out.append(self._prefix)
        self._out.append(text)
        self._prefix = ""
        self._line_ends = len(text) - len(text.rstrip("\n")) if text.endswith("\n") else 0

    def _next_item(self) -> str:
        indent = "  " * max(0, len(self._lists) - 1)
        if not self._lists or self._lists[-1] is None:
            return indent + "- "
        self._lists[-1] += 1
        return f"{indent}{self._lists[-1]}. "

    def _start_cell(self) -> None:
        self._cells += 1
        if self._cells > 1:
            self._owed = 0
            self._space = False
            self._write(" |")
            self._space = True
        self._fresh_cell = True

    def _note(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "html":
            language = attributes.get("lang") or attributes.get("{http://www.w3.org/XML/1998/namespace}lang")
            if language:
                self.metadata.setdefault("language", language)
        elif tag == "meta":
            name = META_NAMES.get((attributes.get("name") or attributes.get("property", "")).lower())
            content = attributes.get("content", "").strip()
            if name and content:
                self.metadata.setdefault(name, content)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2].lower()
