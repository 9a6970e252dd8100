"""Words that are broken at the end of a line: whether the hyphen belongs to the word."""

import re
from collections.abc import Iterable

# where a line ends with a hyphen, PDFium writes U+FFFE (or U+0002) and goes on with the next line's word
BROKEN = re.compile("(\\w*)[\ufffe\x02](?:\\s*)(\\w*)")
HYPHENS = "-‐‑"
IN_WORD = re.compile(r"\w[-‐‑]\w")
AROUND_WORDS = re.compile(r"^\W+|\W+$")
MOST_WORDS = 50_000  # with a hyphen, of one document, that are remembered


class Hyphens:
    """Joins broken words; remembers those that a document writes with a hyphen."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def joined(self, text: str) -> str:
        """`text` with whole words.

        A hyphen stays before a capital letter and before a digit, as in "Saint-Germain", and where the document has
        the word with its hyphen elsewhere.
        """
        if any(sign in text for sign in HYPHENS) and IN_WORD.search(text):
            self._learn(AROUND_WORDS.sub("", word) for word in text.split() if IN_WORD.search(word))
        if "\ufffe" not in text and "\x02" not in text:
            return text
        return BROKEN.sub(self._mend, text)

    def _learn(self, words: Iterable[str]) -> None:
        for word in words:
            if len(self._known) < MOST_WORDS:
                self._known.add(word.casefold())

    def _mend(self, found: "re.Match[str]") -> str:
        first, second = found.groups()
        capital = second[:1].isupper() and not (len(first) > 1 and first.isupper())
        belongs = capital or second[:1].isdigit() or first[-1:].isdigit() or not second
        if belongs or f"{first}-{second}".casefold() in self._known:
            return f"{first}-{second}"
        return first + second
