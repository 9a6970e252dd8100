"""Word's formulas (ECMA-376 part 1, section 22.1) as a line of text."""

from collections.abc import Callable, Mapping

from fileintel.documents.formula import fraction, grouped, index, index_and_power, power, root
from fileintel.documents.word.xml_names import attribute

Named = list[tuple[str, str]]  # the parts of a formula: the element's name, its text


def _part(parts: Named, name: str) -> str:
    return "".join(text for key, text in parts if key == name)


def _bracketed(parts: Named, signs: Mapping[str, str]) -> str:
    inside = signs.get("sepChr", "|").join(text for key, text in parts if key == "e")
    return signs.get("begChr", "(") + inside + signs.get("endChr", ")")


def _n_ary(parts: Named, signs: Mapping[str, str]) -> str:
    limits = index_and_power(["", _part(parts, "sub"), _part(parts, "sup")])
    return f"{signs.get('chr', '∫')}{limits} {_part(parts, 'e')}"


def _joined(*names: str) -> Callable[[Named, Mapping[str, str]], str]:
    return lambda parts, signs: "".join(_part(parts, name) for name in names)


SHAPES: dict[str, Callable[[Named, Mapping[str, str]], str]] = {
    "f": lambda parts, signs: fraction([_part(parts, "num"), _part(parts, "den")]),
    "sSup": lambda parts, signs: power([_part(parts, "e"), _part(parts, "sup")]),
    "sSub": lambda parts, signs: index([_part(parts, "e"), _part(parts, "sub")]),
    "sSubSup": lambda parts, signs: index_and_power([_part(parts, n) for n in ("e", "sub", "sup")]),
    "sPre": lambda parts, signs: index_and_power(["", _part(parts, "sub"), _part(parts, "sup")]) + _part(parts, "e"),
    "rad": lambda parts, signs: root([_part(parts, "e"), _part(parts, "deg")]),
    "d": _bracketed,
    "nary": _n_ary,
    "func": lambda parts, signs: f"{_part(parts, 'fName')} {grouped(_part(parts, 'e'))}",
    "limLow": lambda parts, signs: index([_part(parts, "e"), _part(parts, "lim")]),
    "limUpp": lambda parts, signs: power([_part(parts, "e"), _part(parts, "lim")]),
    "mr": lambda parts, signs: ", ".join(text for key, text in parts if key == "e"),
    "m": lambda parts, signs: f"[{'; '.join(text for key, text in parts if key == 'mr')}]",
    "eqArr": lambda parts, signs: "; ".join(text for key, text in parts if key == "e"),
}


class Omml:
    """Takes the events of an `oMath` element and gives its text by `text`."""

    def __init__(self) -> None:
        self._open: list[tuple[str, Named, dict[str, str]]] = [("oMath", [], {})]
        self._in_text = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._in_text = name == "t"
        if name in ("begChr", "endChr", "sepChr", "chr"):
            # in the properties of the formula's part
            self._open[-2 if len(self._open) > 1 else -1][2][name] = attribute(attributes, "val")
        self._open.append((name, [], {}))

    def end(self, name: str) -> None:
        self._in_text = False
        if len(self._open) > 1:
            name, parts, signs = self._open.pop()
            shape = SHAPES.get(name)
            text = shape(parts, signs) if shape else "".join(text for _, text in parts)
            self._open[-1][1].append((name, text))

    def data(self, text: str) -> None:
        if self._in_text:
            self._open[-1][1].append(("", text))

    def text(self) -> str:
        """The formula."""
        return "".join(text for _, text in self._open[0][1])
