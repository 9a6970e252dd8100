"""The numbers of paragraphs, which Word does not write into the text (ECMA-376 part 1, 17.9)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fileintel.documents.word.xml_names import attribute, is_on, local, number

LEVELS = 9
BULLET = "- "
PLACE = re.compile(r"%([1-9])")
ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"))
ROMAN += ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # type: ignore[assignment]
LARGEST = 32_767  # what Word counts to


@dataclass(frozen=True, slots=True)
class Level:
    """How the paragraphs of one level are numbered: `text` holds %1 for the number of the first level, and so on."""

    start: int = 1
    form: str = "decimal"
    text: str = ""
    restart: int | None = None  # the level whose next number starts this one again; None: any before it; 0: none
    is_legal: bool = False  # whether all numbers are written in digits


@dataclass(slots=True)
class _List:
    levels: dict[int, Level]
    counts: dict[int, int] = field(default_factory=dict)


class Numbering:
    """Counts the paragraphs of each list while they pass by.

    Parameters:
        root: the numbering part's root element, None for a file without one.
        style_lists: a list style's id → the list that it names.
    """

    def __init__(self, root: Any = None, style_lists: Mapping[str, str] | None = None) -> None:
        self._abstract: dict[str, _List] = {}
        self._links: dict[str, str] = {}  # definitions that are those of a style
        self._lists: dict[str, tuple[str, dict[int, Level]]] = {}
        self._starts: dict[str, dict[int, int]] = {}  # of lists that begin anew at a level's first paragraph
        for element in root if root is not None else ():
            name = local(str(element.tag))
            if name == "abstractNum":
                self._define(element)
            elif name == "num":
                self._use(element)
        for key, style in self._links.items():
            target = self._lists.get((style_lists or {}).get(style, ""))
            if target and target[0] in self._abstract:
                self._abstract[key] = self._abstract[target[0]]

    def label(self, list_id: str, level: int) -> str | None:
        """The mark of the next paragraph of a list, with a space behind it; None when nothing is known of the list."""
        used = self._lists.get(list_id)
        if used is None or used[0] not in self._abstract:
            return None
        levels = {**self._abstract[used[0]].levels, **used[1]}
        counts = self._abstract[used[0]].counts
        here = levels.get(level)
        if here is None:
            return BULLET
        self._count(list_id, levels, counts, level)
        if here.form == "bullet":
            return BULLET

        def shown(found: "re.Match[str]") -> str:
            place = int(found.group(1)) - 1
            other = levels.get(place, Level())
            return formatted(counts.get(place, other.start), "decimal" if here.is_legal else other.form)

        text = PLACE.sub(shown, here.text).strip()
        return f"{text} " if text else ""

    def _count(self, list_id: str, levels: dict[int, Level], counts: dict[int, int], level: int) -> None:
        begin = self._starts.get(list_id, {}).pop(level, None)
        counts[level] = counts.get(level, levels[level].start - 1) + 1 if begin is None else begin
        for above in range(level):
            counts.setdefault(above, levels.get(above, Level()).start)
        for below in range(level + 1, LEVELS):
            restart = levels.get(below, Level()).restart
            if restart is None or level < restart:
                counts.pop(below, None)

    def _define(self, element: Any) -> None:
        key = attribute(element.attrib, "abstractNumId")
        self._abstract[key] = _List(dict(_levels(element)))
        for child in element:
            if local(str(child.tag)) == "numStyleLink":
                self._links[key] = attribute(child.attrib, "val")

    def _use(self, element: Any) -> None:
        key, abstract = attribute(element.attrib, "numId"), ""
        own: dict[int, Level] = {}
        starts: dict[int, int] = {}
        for child in element:
            if local(str(child.tag)) == "abstractNumId":
                abstract = attribute(child.attrib, "val")
            elif local(str(child.tag)) == "lvlOverride":
                own |= dict(_levels(child))
                place = number(attribute(child.attrib, "ilvl"), 0)
                for each in child:
                    if local(str(each.tag)) == "startOverride":
                        starts[place] = number(attribute(each.attrib, "val"), 1)
        self._lists[key] = (abstract, own)
        self._starts[key] = starts


def _levels(element: Any) -> Iterator[tuple[int, Level]]:
    for child in element:
        if local(str(child.tag)) != "lvl":
            continue
        level = Level()
        for each in child:
            name, value = local(str(each.tag)), attribute(each.attrib, "val")
            if name == "start":
                level = replace(level, start=number(value, 1))
            elif name == "numFmt":
                level = replace(level, form=value)
            elif name == "lvlText":
                level = replace(level, text=value)
            elif name == "lvlRestart":
                level = replace(level, restart=number(value, 0))
            elif name == "isLgl":
                level = replace(level, is_legal=is_on(each.attrib))
        yield number(attribute(child.attrib, "ilvl"), 0), level


def formatted(count: int, form: str) -> str:
    """A number as Word writes it: 3, 03, c, C, iii, III, 3rd; in digits where the form is another."""
    count = max(0, min(count, LARGEST))
    if form == "none":
        return ""
    if form in ("lowerLetter", "upperLetter") and count:
        letters = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)  # after z comes aa, then bb
        return letters if form == "lowerLetter" else letters.upper()
    if form in ("lowerRoman", "upperRoman") and count:
        return _roman(count) if form == "lowerRoman" else _roman(count).upper()
    if form == "decimalZero":
        return f"{count:02d}"
    if form == "ordinal":
        tens = count % 100 // 10 == 1
        return f"{count}{'th' if tens else {1: 'st', 2: 'nd', 3: 'rd'}.get(count % 10, 'th')}"
    return str(count)


def _roman(count: int) -> str:
    text = ""
    for value, sign in ROMAN:
        text += sign * (count // value)
        count %= value
    return text
