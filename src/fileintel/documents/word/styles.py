"""What a document's styles say about text: headings, lists, hidden, raised and lowered text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from fileintel.documents.word.xml_names import attribute, is_on, local, number

HEADING = re.compile(r"heading ([1-9])$", re.I)
MOST_ANCESTORS = 20


@dataclass(frozen=True, slots=True)
class Style:
    """What a style decides, of its own or by those it is based on. `list_id` "0" takes a paragraph out of a list."""

    heading: str = ""  # the prefix of a heading: "# "
    list_id: str | None = None
    level: int = 0
    is_hidden: bool | None = None
    shift: str | None = None  # "superscript", "subscript" or "baseline"
    font: str = ""


PLAIN = Style()


class Styles:
    """The styles by their ids, which are translated; their names are not."""

    def __init__(self, root: Any = None) -> None:
        self._own: dict[str, Style] = {}
        self._parents: dict[str, str] = {}
        self._resolved: dict[str, Style] = {"": PLAIN}
        for element in root if root is not None else ():
            if local(str(element.tag)) == "style":
                self._define(element)

    def get(self, key: str) -> Style:
        """The style of that id, with what it has from others."""
        if key not in self._resolved:
            style = PLAIN
            for ancestor in reversed(list(self._ancestry(key))):
                style = _over(style, self._own.get(ancestor, PLAIN))
            self._resolved[key] = style
        return self._resolved[key]

    def lists(self) -> dict[str, str]:
        """The list that each list style names."""
        return {key: style.list_id for key, style in self._own.items() if style.list_id}

    def _ancestry(self, key: str) -> Iterator[str]:
        for _ in range(MOST_ANCESTORS):
            if not key:
                return
            yield key
            key = self._parents.get(key, "")

    def _define(self, element: Any) -> None:
        key = attribute(element.attrib, "styleId")
        style = PLAIN
        for each in element.iter():
            name, value = local(str(each.tag)), attribute(each.attrib, "val")
            if name == "name":
                style = replace(style, heading=_heading(value))
            elif name == "basedOn":
                self._parents[key] = value
            elif name == "numPr" and style.list_id is None:
                style = replace(style, list_id="")
            elif name == "numId":
                style = replace(style, list_id=value)
            elif name == "ilvl":
                style = replace(style, level=number(value, 0))
            elif name == "vanish":
                style = replace(style, is_hidden=is_on(each.attrib))
            elif name == "vertAlign":
                style = replace(style, shift=value)
            elif name == "rFonts":
                style = replace(style, font=attribute(each.attrib, "ascii"))
        self._own[key] = style


def _heading(name: str) -> str:
    if found := HEADING.match(name):
        return "#" * min(int(found.group(1)), 6) + " "
    return "# " if name.lower() == "title" else ""


def _over(base: Style, own: Style) -> Style:
    return Style(
        heading=own.heading,
        list_id=base.list_id if own.list_id is None else own.list_id,
        level=own.level or base.level,
        is_hidden=base.is_hidden if own.is_hidden is None else own.is_hidden,
        shift=own.shift or base.shift,
        font=own.font or base.font,
    )
