"""What every page's text goes through, whatever its format, so that models, databases and people can read it."""

import re
import unicodedata

# Control characters (but tab and line feed), lone surrogates and noncharacters: none of them says anything, NUL
# cannot be stored in PostgreSQL, and surrogates cannot be sent as UTF-8. Soft hyphens, word joiners and byte order
# marks are invisible and keep a model from seeing a word.
DROPPED = "\x00-\x08\x0c\x0e-\x1f\x7f\u00ad\u2060\ufeff\ufdd0-\ufdef\ufffe\uffff"
LINE_ENDS = "\x0b\r\u2028\u2029"  # a vertical tab is a line end inside a paragraph, for word processors
SOFT_HYPHEN = "\u00ad"
SURROGATES = "\ud800-\udfff"
C1 = "\x80-\x9f"
NEXT_LINE = "\x85"

TO_DROP = re.compile(f"[{DROPPED}]")
TO_BREAK = re.compile(f"\r\n|[{LINE_ENDS}]")
TO_JOIN = re.compile(f"{SOFT_HYPHEN}[ \t]*(?:\r\n|[\n\r])[ \t]*")  # a word that is broken there
TO_REPLACE = re.compile(f"[{SURROGATES}]")
TO_WINDOWS = re.compile(f"[{C1}]")
# The C1 controls are in no text. Where they are found, punctuation of Windows-1252 was taken for Latin-1, and every
# browser shows it as what it was; bytes that Windows-1252 does not use are dropped.
OF_WINDOWS = {chr(byte): bytes([byte]).decode("cp1252", "ignore") for byte in range(0x80, 0xA0)}
INVISIBLE = frozenset(("Zs", "Zl", "Zp", "Cc", "Cf"))  # of Unicode's categories: spaces, controls, zero-width marks
UNCLEAN = re.compile(f"[{DROPPED}{LINE_ENDS}{SURROGATES}{C1}]")  # one look instead of three for the most texts


def clean_text(text: str) -> str:
    """`text` in Unicode's composed form (NFC), with `\\n` line ends and without what cannot be seen.

    NFC, because files from macOS and many PDFs write "é" as two characters, and a name must be the same name in all
    documents. Not NFKC, which would turn "x²" into "x2".
    """
    if UNCLEAN.search(text):
        if SOFT_HYPHEN in text:
            text = TO_JOIN.sub("", text)
        text = TO_REPLACE.sub("\ufffd", TO_DROP.sub("", TO_BREAK.sub("\n", _without_c1(text))))
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def _without_c1(text: str) -> str:
    if NEXT_LINE in text and "\n" not in text and not TO_WINDOWS.search(text.replace(NEXT_LINE, "")):
        text = text.replace(NEXT_LINE, "\n")  # from a mainframe, where it is what ends a line
    return TO_WINDOWS.sub(lambda found: OF_WINDOWS[found.group()], text)


def is_blank(text: str) -> bool:
    """Whether there is nothing to see: `str.strip` keeps zero-width spaces, joiners and marks of direction."""
    return all(unicodedata.category(character) in INVISIBLE for character in text)
