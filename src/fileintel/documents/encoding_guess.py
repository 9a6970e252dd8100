"""Recognising the character encoding of a file that declares none and is no UTF-8."""

import codecs
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fileintel.documents.encoding_labels import ERRORS, text_codec

# `ESC $ B` and its like switch to two bytes a character (ISO-2022); `~{ … ~}` does in HZ
ISO_2022_JP = re.compile(rb"\x1b\$(?:[@B]|\(D)|\x1b\(I")
ISO_2022_KR = re.compile(rb"\x1b\$\)C")
HZ = re.compile(rb"~\{(?:[\x21-\x77][\x21-\x7e])+~\}")
MAX_ODD = 0.05  # of the characters that are not ASCII may look wrong in the right encoding: typing errors, junk
MAX_SIGNS = 0.3  # of them may be signs, such as arrows and currencies, where there are more than `SOME`
SOME = 12
# By how much an encoding is to be believed more or less than the others for being much or little used.
USE = {"cp1252": 1.1, "iso8859-2": 1.0, "iso8859-5": 1.0, "iso8859-7": 1.0}
RARE = 0.85  # the other parts of ISO 8859
MIN_WIDE = 8  # UTF-16 units that must be there to recognise it without a byte order mark
ONE_SCRIPT = 0.9  # of the letters of UTF-16 without a mark, and without NULs, are of one script

SCRIPTS = (  # first and last character of the scripts that code pages have beside Latin
    ("Greek", "\u0370", "\u03ff"),
    ("Cyrillic", "\u0400", "\u052f"),
    ("Armenian", "\u0530", "\u058f"),
    ("Hebrew", "\u0590", "\u05ff"),
    ("Arabic", "\u0600", "\u06ff"),
    ("Indic", "\u0900", "\u0dff"),
    ("Thai", "\u0e00", "\u0e7f"),
    ("Georgian", "\u10a0", "\u10ff"),
    ("Han", "\u3040", "\u30ff"),
    ("Han", "\u3400", "\u9fff"),
    ("Hangul", "\uac00", "\ud7af"),
)


def seven_bit(head: bytes) -> str | None:
    """The encoding of a file of ASCII characters alone that switches to another character set and back."""
    if ISO_2022_JP.search(head):
        return "iso2022_jp_ext"
    if ISO_2022_KR.search(head):
        return "iso2022_kr"
    return "hz" if HZ.search(head) else None


def wide(head: bytes) -> str | None:
    """UTF-16 without a byte order mark and with few NULs, such as Chinese or Russian: nearly all letters of one script.

    For files that would else be binary: what is readable text in an encoding of single bytes must not come here.
    """
    found = [(_blocks(text), encoding) for encoding, text in _as_utf16(head) if _is_one_script(text)]
    return min(found)[1] if found else None


def _as_utf16(head: bytes) -> Iterator[tuple[str, str]]:
    for encoding in ("utf-16-le", "utf-16-be"):
        yield encoding, codecs.getincrementaldecoder(encoding)("replace").decode(head)


def _is_one_script(text: str) -> bool:
    if len(text) < MIN_WIDE or any(unicodedata.category(c) in ("Cn", "Co", "Cs") or _is_control(c) for c in text):
        return False
    scripts = Counter(_script(character) for character in text if character.isalpha())
    return bool(scripts) and max(scripts.values()) >= ONE_SCRIPT * sum(scripts.values()) and "\ufffd" not in text


def _blocks(text: str) -> int:
    """How many of the blocks of 256 characters a text is from. Read in the wrong order it is from many more."""
    return len({ord(character) >> 8 for character in text})


def guess(sample: bytes) -> str | None:
    """The encoding in which `sample` is most likely text, by chardet; None if there is none.

    Encodings of the web and ISO go before those of old Macs and of DOS, and Windows-1252 before nothing. Each has to
    stand a test that statistics cannot: letters of two scripts make no word, no sign stands between two letters, and no
    capital letter behind a small one.
    """
    import chardet

    # a character of several bytes may be cut at the end of the sample
    sample = sample[: sample.rfind(b"\n") + 1] or sample
    usual = chardet.EncodingEra.MODERN_WEB | chardet.EncodingEra.LEGACY_ISO
    for era in (usual, chardet.EncodingEra.ALL):
        found = chardet.detect_all(sample, encoding_era=era, ignore_threshold=True)
        for candidate in _by_likelihood(found):
            if _is_plausible(sample, candidate):
                # of several encodings in which it is the same text, the most common one in the world
                return "cp1252" if _decoded(sample, candidate) == _decoded(sample, "cp1252") else candidate
    return "cp1252" if _is_plausible(sample, "cp1252") else None


def _by_likelihood(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """The encodings that chardet has named, with what is used much before what is used little."""
    scores: dict[str, float] = {}
    for each in found:
        name = each["encoding"] and text_codec(each["encoding"])
        if name and not name.startswith(("utf", "hz", "iso2022")):  # those were told apart before
            scores.setdefault(name, each["confidence"] * USE.get(name, RARE if name.startswith("iso") else 1.0))
    return sorted(scores, key=lambda name: -scores[name])


def _is_plausible(sample: bytes, encoding: str) -> bool:
    text = _decoded(sample, encoding)
    strange = [character for character in text if character > "\x7f"]
    signs = sum(1 for character in strange if unicodedata.category(character)[0] == "S")
    few_signs = len(strange) < SOME or signs <= MAX_SIGNS * len(strange)
    return few_signs and odd_places(text) <= MAX_ODD * len(strange)


def _decoded(sample: bytes, encoding: str) -> str:
    return codecs.getincrementaldecoder(encoding)(ERRORS).decode(sample)


def odd_places(text: str) -> int:
    """How many characters beyond ASCII cannot be right where they stand."""
    odd = 0
    before, after_next = " ", text[1:] + " "
    for character, after in zip(text, after_next, strict=True):
        if character > "\x7f" or (before > "\x7f" and character.isalpha()):
            odd += _is_odd(before, character, after)
        before = character
    return odd


def _is_odd(before: str, character: str, after: str) -> bool:
    if character.isalpha():
        return before.isalpha() and (
            _script(before) != _script(character) or (before.islower() and character.isupper())
        )
    category = unicodedata.category(character)
    if category[0] == "S" or category == "No":
        return before.isalpha() and after.isalpha()
    return category in ("Cc", "Cn", "Co", "Cs") or character == "\ufffd"


def _script(letter: str) -> str:
    return next((name for name, first, last in SCRIPTS if first <= letter <= last), "Latin")


def _is_control(character: str) -> bool:
    return unicodedata.category(character) == "Cc" and character not in "\t\n\r\f"
