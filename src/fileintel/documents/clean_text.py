"""What every page's text goes through, whatever its format, so that models, databases and people can read it."""

import re
import unicodedata

# Control characters (but tab and line feed), lone surrogates and noncharacters: none of them says anything, NUL
# cannot be stored in PostgreSQL, and surrogates cannot be sent as UTF-8. Soft hyphens, word joiners and byte order
# marks are invisible and keep a model from seeing a word.
DROPPED = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u2060\ufeff\ufdd0-\ufdef\ufffe\uffff"
LINE_ENDS = "\r\u0085\u2028\u2029"
SURROGATES = "\ud800-\udfff"

TO_DROP = re.compile(f"[{DROPPED}]")
TO_BREAK = re.compile(f"\r\n|[{LINE_ENDS}]")
TO_REPLACE = re.compile(f"[{SURROGATES}]")
INVISIBLE = frozenset(("Zs", "Zl", "Zp", "Cc", "Cf"))  # of Unicode's categories: spaces, controls, zero-width marks
UNCLEAN = re.compile(f"[{DROPPED}{LINE_ENDS}{SURROGATES}]")  # one look instead of three for the most texts


def clean_text(text: str) -> str:
    """`text` in Unicode's composed form (NFC), with `\\n` line ends and without what cannot be seen.

    NFC, because files from macOS and many PDFs write "é" as two characters, and a name must be the same name in all
    documents. Not NFKC, which would turn "x²" into "x2".
    """
    if UNCLEAN.search(text):
        text = TO_REPLACE.sub("\ufffd", TO_DROP.sub("", TO_BREAK.sub("\n", text)))
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def is_blank(text: str) -> bool:
    """Whether there is nothing to see: `str.strip` keeps zero-width spaces, joiners and marks of direction."""
    return all(unicodedata.category(character) in INVISIBLE for character in text)
