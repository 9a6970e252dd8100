"""DOCX (Office Open XML, ECMA-376 part 1), streamed: no tree is built, so the size of the text does not matter.

Pages: explicit page breaks, and the places where the program that saved the file broke the page
(`lastRenderedPageBreak`). Without either, about 3,000 characters (see `paginate`). Headings begin with `#`, list
items with `-`, cells are separated by ` | `; foot- and endnotes follow at the end. Headers, footers, comments and
deleted text are left out.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping

from fileintel.documents import xml_reading
from fileintel.documents.archive import Archive
from fileintel.documents.document import Parsed, RawPage, Source, Unreadable
from fileintel.documents.paginate import paginate

RELATIONS = "_rels/.rels"
CORE = "docProps/core.xml"
NAMES = {
    "creator": "author",
    "subject": "subject",
    "keywords": "keywords",
    "language": "language",
    "created": "created",
    "modified": "modified",
    "description": "description",
}
HEADING = re.compile(r"heading ([1-9])$", re.I)
NOTES = {"footnotes.xml": ("footnote", ""), "endnotes.xml": ("endnote", "e")}
# a second rendering of the same thing, deleted text, field codes, ruby's pronunciation
SKIPPED = frozenset({"Fallback", "del", "moveFrom", "instrText", "rt"})


def parse(source: Source) -> Parsed:
    """Read the main part of the package; its text follows as it is parsed.

    Raises:
        Unreadable: the archive is damaged, a bomb or protected, or has no main part.
    """
    archive = Archive(source.stream, source.limits)
    main = _main_part(archive)
    folder = posixpath.dirname(main)
    title, metadata = _facts(archive)
    styles = _style_prefixes(archive, posixpath.join(folder, "styles.xml"))
    pages = (RawPage(page) for page in paginate(_text(archive, main, folder, styles)))
    return Parsed(pages, title, metadata)


def _main_part(archive: Archive) -> str:
    if RELATIONS in archive.names:
        for relation in xml_reading.tree(archive.read(RELATIONS)):
            if str(relation.get("Type", "")).endswith("/officeDocument"):
                return posixpath.normpath(str(relation.get("Target", ""))).lstrip("/")
    if "word/document.xml" in archive.names:
        return "word/document.xml"
    raise Unreadable("is a damaged DOCX (it has no text part); copy or download it again")


def _facts(archive: Archive) -> tuple[str, dict[str, str]]:
    if CORE not in archive.names:
        return "", {}
    title, metadata = "", {}
    for element in xml_reading.tree(archive.read(CORE)):
        name, value = _local(str(element.tag)), (element.text or "").strip()
        if name == "title":
            title = value
        elif value and name in NAMES:
            metadata[NAMES[name]] = value
    return title, metadata


def _style_prefixes(archive: Archive, name: str) -> dict[str, str]:
    """The prefix of each paragraph style that is a heading or a list: the ids are translated, the names are not."""
    prefixes: dict[str, str] = {}
    if name not in archive.names:
        return prefixes
    for style in xml_reading.tree(archive.read(name)):
        elements = {_local(str(element.tag)): element for element in style.iter()}
        value = _attribute(elements["name"].attrib, "val") if "name" in elements else ""
        key = _attribute(style.attrib, "styleId")
        if found := HEADING.match(value):
            prefixes[key] = "#" * min(int(found.group(1)), 6) + " "
        elif value.lower() == "title":
            prefixes[key] = "# "
        elif "numPr" in elements:
            prefixes[key] = "- "
    return prefixes


def _text(archive: Archive, main: str, folder: str, styles: Mapping[str, str]) -> Iterator[str]:
    body = _Body(styles)
    for _ in xml_reading.feed(archive.blocks(main), body):
        yield body.take()
    for part, (tag, mark) in NOTES.items():
        name = posixpath.join(folder, part)
        if name in archive.names:
            notes = _Body(styles, note_tag=tag, note_mark=mark)
            for _ in xml_reading.feed(archive.blocks(name), notes):
                yield notes.take()


class _Body:
    """A parser target for lxml: WordprocessingML's events in, text out. Page breaks come as form feeds."""

    def __init__(self, styles: Mapping[str, str], note_tag: str = "", note_mark: str = "") -> None:
        self.started = False
        self._styles = styles
        self._note_tag = note_tag
        self._note_mark = note_mark
        self._out: list[str] = []
        self._paragraph: list[str] = []
        self._prefix = ""
        self._in_text = False
        self._skipping = 0
        self._broken = True  # no text since the last page break
        self._rows: list[int] = []  # of the open table rows, how many cells each has so far
        self._cell_has_text = False

    def take(self) -> str:
        """The text since the last call."""
        text = "".join(self._out)
        self._out.clear()
        return text

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.started = True
        name = _local(tag)
        if self._skipping or name in SKIPPED:
            self._skipping += 1
        elif name == "t":
            self._in_text = True
        elif name in ("tab", "br", "cr", "noBreakHyphen", "lastRenderedPageBreak", "pageBreakBefore"):
            self._sign(name, attributes)
        elif name == "pStyle":
            self._prefix = self._styles.get(_attribute(attributes, "val"), self._prefix)
        elif name == "numPr" and not self._prefix:
            self._prefix = "- "
        elif name == "tr":
            self._rows.append(0)
        elif name == "tc" and self._rows:
            self._rows[-1] += 1
            self._cell_has_text = False
            if self._rows[-1] > 1:
                self._out.append(" | ")
        elif name in ("footnoteReference", "endnoteReference"):
            mark = "e" if name.startswith("end") else ""
            self._paragraph.append(f"[^{mark}{_attribute(attributes, 'id')}]")
        elif name == self._note_tag and _attribute(attributes, "id") not in ("", "-1", "0"):  # those are the rules
            self._prefix = f"[^{self._note_mark}{_attribute(attributes, 'id')}]: "

    def end(self, tag: str) -> None:
        if self._skipping:
            self._skipping -= 1
            return
        name = _local(tag)
        if name == "t":
            self._in_text = False
        elif name == "p":
            self._end_paragraph()
        elif name == "tr" and self._rows:
            self._rows.pop()
            self._out.append("\n")
        elif name == "tbl":
            self._out.append("\n")

    def data(self, text: str) -> None:
        if self._in_text and not self._skipping:
            self._paragraph.append(text)
            self._broken = False

    def close(self) -> None:
        self._end_paragraph()

    def _sign(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "tab":
            # also a tab stop in a paragraph's properties, where it has a position
            if not attributes:
                self._paragraph.append("\t")
        elif name == "noBreakHyphen":
            self._paragraph.append("-")
        elif name == "cr" or (name == "br" and _attribute(attributes, "type") != "page"):
            self._paragraph.append("\n")
        elif _attribute(attributes, "val") in ("0", "false", "off"):
            return
        elif name == "br" or not self._broken:
            # the rendered break that follows an explicit one is the same break
            self._paragraph.append("\f")
            self._broken = True

    def _end_paragraph(self) -> None:
        text = "".join(self._paragraph)
        self._paragraph.clear()
        if self._rows and text.strip():
            # several paragraphs in a cell stay in their row
            self._out.append(" " + text if self._cell_has_text else text)
            self._cell_has_text = True
        elif text.strip():
            self._out.append(self._with_prefix(text) + ("\n" if self._prefix == "- " else "\n\n"))
        elif "\f" in text:
            self._out.append("\f")
        self._prefix = ""

    def _with_prefix(self, text: str) -> str:
        start = len(text) - len(text.lstrip("\f"))  # a page break comes before the heading's mark
        return text[:start] + self._prefix + text[start:]


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _attribute(attributes: Mapping[str, str], name: str) -> str:
    """By local name: strict and transitional files differ in their namespaces."""
    return next((value for key, value in attributes.items() if _local(str(key)) == name), "")
