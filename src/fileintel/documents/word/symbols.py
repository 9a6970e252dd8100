"""Characters of Symbol and Wingdings, which Word keeps at U+F020 to U+F0FF of the private use area."""

import re

_SYMBOL = (
    " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼"
    " ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪ 〉∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭"
)
SYMBOL: dict[int, str] = dict(zip([*range(0x20, 0x7F), *range(0xA0, 0xFF)], _SYMBOL, strict=True))
WINGDINGS: dict[int, str] = {
    0x4A: "☺",
    0x4C: "☹",
    0x6C: "●",
    0x6E: "■",
    0x6F: "□",
    0x71: "❑",
    0x74: "⧫",
    0x75: "◆",
    0x76: "❖",
    0x77: "⬥",
    **{0x8C + n: sign for n, sign in enumerate("❶❷❸❹❺❻❼❽❾❿")},
    **{0x81 + n: sign for n, sign in enumerate("①②③④⑤⑥⑦⑧⑨⑩")},
    0x9F: "•",
    0xA7: "▪",
    0xA8: "◻",
    0xD8: "➢",
    0xDF: "←",
    0xE0: "→",
    0xE1: "↑",
    0xE2: "↓",
    0xE8: "➔",
    0xF0: "⇨",
    0xFB: "✗",
    0xFC: "✓",
    0xFD: "☒",
    0xFE: "☑",
    0x28: "☎",
    0x2A: "✉",
    0x46: "☞",
}
PRIVATE = range(0xF020, 0xF100)
IN_PRIVATE = re.compile("[\uf020-\uf0ff]")


def symbol(font: str, code: int) -> str:
    """The character of a symbol font; what it is not known for is "" where it could be taken for a letter."""
    place = code - 0xF000 if code in PRIVATE else code
    name = font.lower()
    if name.startswith("symbol"):
        return SYMBOL.get(place, "")
    if name.startswith(("wingdings", "webdings", "zapf")):
        return WINGDINGS.get(place, "")
    return "" if 0xE000 <= code <= 0xF8FF or code > 0x10FFFF or 0xD800 <= code < 0xE000 else chr(code)


def without_private(text: str, font: str) -> str:
    """`text` with the characters that stand for others in a symbol font as those."""
    if text.isascii() or not IN_PRIVATE.search(text):
        return text
    return "".join(symbol(font or "Symbol", ord(c)) if ord(c) in PRIVATE else c for c in text)
