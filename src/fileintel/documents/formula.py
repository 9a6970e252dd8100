"""Formulas as a line of plain text: the signs that MathML and Word's OMML have in common, and MathML itself.

A formula that brings its own TeX is given as that. Else fractions, powers and roots are written out, `(a + b)/c`,
`x^2`, `√(x)`, so that none becomes another number.
"""

import re
from collections.abc import Callable, Mapping

from fileintel.documents.raised import LOWERED, MAPPED, RAISED

Parts = list[str]

SIMPLE = re.compile(r"[^\W_]+(?:[.,]\d+)?|[^\W_]?[⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉]+|.?", re.S)
DISPLAY = re.compile(r"\{\\(?:displaystyle|textstyle)\s*(.*)\}", re.S)
TEX = ("tex", "latex")
SPACED = frozenset("=+<>≤≥≈≠±→∈") | {"−"}


def grouped(text: str) -> str:
    """`text` in parentheses unless it is one number, word or sign."""
    return text if SIMPLE.fullmatch(text) else f"({text})"


def fraction(parts: Parts) -> str:
    """Numerator and denominator."""
    return "/".join(map(grouped, parts))


def power(parts: Parts) -> str:
    """Base and what stands above it."""
    base, above = _padded(parts, 2)
    return grouped(base) + (above.translate(RAISED) if MAPPED.fullmatch(above) else f"^{grouped(above)}")


def index(parts: Parts) -> str:
    """Base and what stands below it."""
    base, below = _padded(parts, 2)
    return base + (below.translate(LOWERED) if MAPPED.fullmatch(below) else f"_{grouped(below)}")


def index_and_power(parts: Parts) -> str:
    """Base, what stands below it, what stands above it."""
    base, below, above = _padded(parts, 3)
    lower, upper = index(["", below]) if below else "", power(["", above]) if above else ""
    return base + lower + upper


def root(parts: Parts) -> str:
    """What stands under the root, and its degree if there is one."""
    under, degree = _padded(parts, 2)
    return f"{degree.translate(RAISED) if MAPPED.fullmatch(degree) else degree}√({under})"


def table(parts: Parts) -> str:
    """The rows of a matrix."""
    return "; ".join(parts)


def _padded(parts: Parts, count: int) -> Parts:
    return (
        [*parts, *[""] * count][:count] if len(parts) <= count else [*parts[: count - 1], "".join(parts[count - 1 :])]
    )


SHAPES: Mapping[str, Callable[[Parts], str]] = {
    "mfrac": fraction,
    "msup": power,
    "msub": index,
    "msubsup": index_and_power,
    "munder": index,
    "mover": power,
    "munderover": index_and_power,
    "mroot": root,
    "msqrt": lambda parts: root(["".join(parts)]),
    "mfenced": lambda parts: f"({', '.join(parts)})",
    "mtable": table,
    "mtr": lambda parts: ", ".join(parts),
    "mphantom": lambda parts: "",
}


class MathML:
    """Takes the events of a `<math>` element and gives its text by `text`."""

    def __init__(self, attributes: Mapping[str, str]) -> None:
        self._alternative = attributes.get("alttext", "").strip()
        self._open: list[tuple[str, Parts]] = [("math", [])]
        self._annotation: list[str] | None = None  # of the TeX that is being read
        self._tex = ""
        self._skipping = 0  # depth below another rendering of the formula

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if self._skipping or self._annotation is not None:
            self._skipping += 1
        elif tag == "annotation" and any(name in attributes.get("encoding", "").lower() for name in TEX):
            self._annotation = []
        elif tag in ("annotation", "annotation-xml"):
            self._skipping = 1
        else:
            self._open.append((tag, []))

    def end(self, tag: str) -> None:
        if self._skipping:
            self._skipping -= 1
        elif self._annotation is not None:
            self._tex = self._tex or "".join(self._annotation).strip()
            self._annotation = None
        elif len(self._open) > 1:
            name, parts = self._open.pop()
            self._open[-1][1].append(SHAPES.get(name, "".join)(parts))

    def data(self, text: str) -> None:
        if self._annotation is not None:
            self._annotation.append(text)
        elif not self._skipping and (words := " ".join(text.split())):
            self._open[-1][1].append(f" {words} " if words in SPACED else words)

    def text(self) -> str:
        """The formula: its TeX, else its alternative text, else its signs in a line."""
        while len(self._open) > 1:
            self.end("")
        tex = self._tex or self._alternative
        if display := DISPLAY.fullmatch(tex):
            tex = display.group(1)
        return " ".join((tex or "".join(self._open[0][1])).split())
