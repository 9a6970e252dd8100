"""Turning HTML's elements into plain text that reads like Markdown, while the parser runs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from fileintel.documents.flowing_text import SPACES, FlowingText
from fileintel.documents.formula import MathML
from fileintel.documents.raised import lowered, raised

# These hold no text of the document: programs, styles, menus, what is shown instead when something fails, and how
# the words beside it are pronounced (ruby).
SKIPPED = frozenset(
    {"script", "style", "nav", "noscript", "template", "iframe", "object", "svg", "select", "datalist"}
    | {"video", "audio", "canvas", "noframes", "rt", "rp", "rtc"}
)
HIDDEN = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))\s*(?:;|!|$)", re.I)
RAISED = re.compile(r"(?:^|;)\s*vertical-align\s*:\s*(super|sub)\b", re.I)
# A formula that is drawn sign by sign beside its MathML, and MathML that only its picture hides.
DRAWN_FORMULA = frozenset({"katex-html", "MathJax_Preview", "MJX_Assistive_MathML"})
HIDDEN_FORMULA = "mwe-math-mathml"
HEADINGS = {"h1": "# ", "h2": "## ", "h3": "### ", "h4": "#### ", "h5": "##### ", "h6": "###### "}
# how many line ends stand around an element: two make a paragraph
PARAGRAPHS = frozenset(
    {*HEADINGS, "p", "ul", "ol", "dl", "table", "blockquote", "pre", "section", "article", "main", "figure", "hr"}
    | {"aside", "header", "footer", "fieldset", "details", "address", "body"}
)
LINES = frozenset({"div", "li", "tr", "dt", "dd", "br", "caption", "figcaption", "summary", "form", "legend", "option"})
SHIFTS = frozenset({"sup", "sub"})
INLINE = frozenset({"span", "font", "a", "small", "i", "em", "b", "strong", "big", "tt"})
LISTS = frozenset({"ul", "ol"})
CELLS = frozenset({"td", "th"})
BREAKING = PARAGRAPHS | LINES
BLOCKS = PARAGRAPHS | LINES | CELLS | {"head", "title"}
NOTE_MARK = re.compile(r"\w{1,4}|[*†‡§]{1,3}")

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


@dataclass(slots=True)
class _Shift:
    """Raised or lowered text that is being read; `depth` counts the open elements in it."""

    is_raised: bool
    is_note: bool
    text: str = ""
    depth: int = 0


class MarkupText:
    """A parser target for lxml: takes the parser's events, gives text by `take`.

    Headings begin with `#`, list items with `-` or their number, cells are separated by ` | `; white space is
    folded but in `pre`; what a browser hides is left out. Nothing of the tree is kept. `title`, `metadata` and
    `heading` (the first one) fill up as they come by.
    """

    def __init__(self) -> None:
        self.title = ""
        self.heading = ""
        self.metadata: dict[str, str] = {}
        self.started = False
        self._text = FlowingText()
        self._skipping = 0  # depth below a skipped element
        self._preformatted = 0
        self._lists: list[int | None] = []  # of the open lists, the number of the last item; None without numbers
        self._in_title = False
        self._in_heading = False
        self._formula: MathML | None = None
        self._shift: _Shift | None = None
        self._links = 0  # how many open links lead to a place of a document, as a note's mark does

    def take(self) -> str:
        """The text since the last call."""
        return self._text.take()

    # the interface of lxml's parser targets

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.started = True
        tag = _local(tag)
        if self._skipping or tag in SKIPPED or ((attributes or tag == "dialog") and _is_hidden(tag, attributes)):
            self._skipping += 1
        elif self._formula:
            self._formula.start(tag, attributes)
        elif tag == "math":
            self._formula = MathML(attributes)
        elif (self._shift or tag in SHIFTS or "style" in attributes) and self._is_shifted(tag, attributes):
            pass
        else:
            if tag in BREAKING:
                self._break(tag)
            self._start_element(tag, attributes)

    def _start_element(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag in HEADINGS:
            self._text.lay_out()
            self._text.prefix = HEADINGS[tag]
            self._in_heading = not self.heading
        elif tag in LISTS:
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._text.prefix = self._next_item()
        elif tag == "tr":
            self._text.start_row()
        elif tag in CELLS:
            self._text.start_cell()
        elif tag == "pre":
            self._preformatted += 1
        elif tag == "a":
            self._links += "#" in attributes.get("href", "") or bool(self._links)
        elif tag == "title":
            self._in_title = not self.title
        else:
            self._note(tag, attributes)

    def end(self, tag: str) -> None:
        if self._skipping:
            self._skipping -= 1
            return
        tag = _local(tag)
        if self._formula:
            self._end_in_formula(tag)
            return
        if self._shift and self._shift.depth:
            self._shift.depth -= 1
            return
        if self._shift:
            self._end_shift(self._shift)
            return
        if tag == "a":
            self._links = max(0, self._links - 1)
        if tag in CELLS:
            self._text.end_cell()
        elif tag == "tr":
            self._text.end_row()
        if tag in BREAKING:
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
            self._text.prefix = ""
            self.heading = SPACES.sub(" ", self.heading).strip()

    def data(self, text: str) -> None:
        if self._skipping:
            return
        if self._formula:
            self._formula.data(text)
        elif self._in_title:
            self.title += text
        elif self._shift:
            self._shift.text += text
        else:
            self._say(text)

    def comment(self, text: str) -> None:
        pass

    def close(self) -> None:
        self._text.close()

    # writing

    def _say(self, text: str) -> None:
        if self._in_heading:
            self.heading += text
        if self._preformatted:
            self._text.write(text)
        else:
            self._text.write_folded(text)

    def _break(self, tag: str) -> None:
        wanted = 2 if tag in PARAGRAPHS else 1 if tag in LINES else 0
        if tag in LISTS and self._lists:
            wanted = 1  # a list inside a list stays with its item
        if wanted and self._preformatted and tag != "pre":
            self._text.write("\n")
        elif wanted:
            self._text.end_lines(wanted)

    def _end_in_formula(self, tag: str) -> None:
        if self._formula and tag != "math":
            self._formula.end(tag)
        elif self._formula:
            text = self._formula.text()
            self._formula = None
            self.data(text)

    def _is_shifted(self, tag: str, attributes: Mapping[str, str]) -> bool:
        """Whether the element is raised or lowered, or in one that is: its text is held until that ends."""
        if self._shift is None:
            style = RAISED.search(attributes.get("style", "")) if tag in INLINE else None
            if tag not in SHIFTS and not style:
                return False
            kind = style.group(1).lower() if style else tag
            self._shift = _Shift(kind != "sub", is_note=self._links > 0 or "#" in attributes.get("href", ""))
        elif tag in BLOCKS:  # its end is missing
            self._end_shift(self._shift)
            return False
        else:
            self._shift.depth += 1
            self._shift.is_note |= tag == "a" and "#" in attributes.get("href", "")
        return True

    def _end_shift(self, shift: "_Shift") -> None:
        self._shift = None
        before = self._text.before
        if shift.is_note and NOTE_MARK.fullmatch(shift.text.strip()) and before.strip():
            text = f"[^{shift.text.strip()}]"
        else:
            text = (raised if shift.is_raised else lowered)(shift.text, before)
        self._say(text + " " * shift.text.endswith((" ", "\n")))

    def _next_item(self) -> str:
        indent = "  " * max(0, len(self._lists) - 1)
        if not self._lists or self._lists[-1] is None:
            return indent + "- "
        self._lists[-1] += 1
        return f"{indent}{self._lists[-1]}. "

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


def _is_hidden(tag: str, attributes: Mapping[str, str]) -> bool:
    """Whether no browser shows the element."""
    if tag in ("html", "body"):  # scripts show the page when it is loaded
        return False
    names = attributes.get("class")
    if names:
        if not DRAWN_FORMULA.isdisjoint(names.split()):
            return True
        if HIDDEN_FORMULA in names:
            return False
    if "hidden" in attributes and attributes["hidden"].lower() != "until-found":
        return True
    if tag == "dialog" and "open" not in attributes:
        return True
    return "style" in attributes and bool(HIDDEN.search(attributes["style"]))


@lru_cache(maxsize=1024)
def _local(tag: str) -> str:
    return tag.rpartition("}")[2].lower()
