"""Raised and lowered text in a line of plain text: 10⁶, H₂O, x^(n+1), x_max.

Run into the line, an exponent changes a number by orders of magnitude, and a note's mark becomes part of a year.
"""

import re

RAISED = str.maketrans("0123456789+-−=()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾")
LOWERED = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
MAPPED = re.compile(r"[0-9+\-−=()]+")
SIGNS = {"TM": "™", "SM": "℠", "R": "®"}
# raised letters that belong to the word or number before them: 1st, 2e, XIXᵉ, Mlle, nº
ORDINALS = re.compile(
    r"(?i:st|nd|rd|th|er|ers|re|res|ère|ères|e|es|ème|èmes|de|te|ste|a|o|as|os|i|lle|lles|me|mes|mo|r|rs|t|°|º|ª)\.?"
)
MARKS = re.compile(r"[*†‡§¶#™®©℠'’\"”]+|[⁰-⁹₀-₉ªº°]+")
COUNTED = re.compile(r"(?:\d|(?<![A-Za-z])[IVXLCDM]+|(?<![A-Za-z])(?:[NnMDS]|Mm|Mr|Dr|St|No|no|Mad|Melle|Ste))\.?$")
LONGEST = 20  # characters of what is raised for its meaning and not for its looks


def raised(text: str, before: str) -> str:
    """`text` that stands above the line, as it is to follow `before`, the end of what is on the line so far."""
    text = " ".join(text.split())
    if text in SIGNS and before[-1:].isalnum():
        return SIGNS[text]
    if not before.strip() or MARKS.fullmatch(text) or (ORDINALS.fullmatch(text) and COUNTED.search(before)):
        return text
    return _apart(text, before, RAISED, "^")


def lowered(text: str, before: str) -> str:
    """`text` that stands below the line, as it is to follow `before`."""
    text = " ".join(text.split())
    if not before.strip() or MARKS.fullmatch(text):
        return text
    return _apart(text, before, LOWERED, "_")


def _apart(text: str, before: str, signs: dict[int, int], mark: str) -> str:
    if MAPPED.fullmatch(text):
        return text.translate(signs)
    if not text or len(text) > LONGEST or " " in text:
        return f" {text}" if text and not before.endswith(" ") else text
    if any(character in "⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉" for character in text) and MAPPED.fullmatch(text[:1]):
        return f"{mark}({text})"
    return mark + text if text.isalnum() or text.startswith(("[", "(")) else f"{mark}({text})"
