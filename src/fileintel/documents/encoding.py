"""Which character encoding a text or HTML file has."""

import codecs
import re

from fileintel.documents.document import Unreadable

BOMS = (  # the longer ones first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
DECLARED = re.compile(rb"""<(?:meta[^>]+charset|\?xml[^>]+encoding)\s*=\s*["']?\s*([A-Za-z0-9_.:-]+)""", re.I)
# Bytes that no text in an encoding without NULs has, but for a stray one: controls except tab, line ends, form feed,
# backspace and escape (terminal logs, ISO-2022). Random bytes have 10 % of them.
CONTROLS = bytes([*range(8), 11, *range(14, 27), *range(28, 32), 127])
MAX_CONTROLS = 0.01
MAX_STRAY = 0.001  # of the bytes may be no UTF-8 in a file of which nothing else can be told
# never guessed: what has NULs was told apart before, UTF-7 is a security hole, and mainframes send no files
UNLIKELY = ["utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_32_le", "utf_32_be", "utf_7", "cp037", "cp500", "cp1140"]
# what Python can decode, and no document is written in
NOT_FOR_FILES = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "utf-7", "undefined"})
NO_STARTS = bytes(range(0xC2))
SAMPLE = 32 * 1024  # bytes for charset-normalizer, which takes about 0.1 s for them

BINARY = "looks like binary data, not text; leave it out, or give it the ending that fits its content"
UNKNOWN = "has a character encoding that could not be recognised; save it as UTF-8"


class EncodingScan:
    """Sees all of a file's bytes go by, and then names the encoding. Holds a bounded sample.

    The order: a byte order mark; UTF-8, when it decodes as such (but for a stray byte) and is not plain ASCII; what the
    file declares (`<meta charset>`, `<?xml encoding?>`); else charset-normalizer's guess from the first byte on that is
    not ASCII. A UTF-8 file is taken as that even if it declares another encoding: no text in another one is valid
    UTF-8 by chance, but many pages were converted without changing their declaration.
    """

    def __init__(self) -> None:
        self._head = b""
        self._strange = b""  # from the first byte on that is not ASCII
        self._size = 0
        self._controls = 0
        self._nuls = _Nuls()
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._utf8_starts = 0  # bytes that begin a character of UTF-8 that is not ASCII
        self._utf8_errors = 0

    def feed(self, block: bytes, final: bool = False) -> None:
        """The next block; `final` with the last one, which may be empty."""
        if len(self._head) < SAMPLE:
            self._head += block[: SAMPLE - len(self._head)]
        if len(self._strange) < SAMPLE and (self._strange or not block.isascii()):
            start = 0 if self._strange else max(0, _first_not_ascii(block) - 256)
            self._strange += block[start : start + SAMPLE - len(self._strange)]
        self._size += len(block)
        self._controls += len(block) - len(block.translate(None, CONTROLS))
        self._nuls.feed(block)
        self._utf8_errors += self._utf8.decode(block, final).count("\ufffd")
        self._utf8_starts += len(block.translate(None, NO_STARTS))

    def encoding(self) -> str:
        """The name of the encoding, for `codecs`.

        Raises:
            Unreadable: the file is binary, or in no encoding that can be told.
        """
        for bom, name in BOMS:
            if self._head.startswith(bom):
                return name
        if wide := self._nuls.wide_encoding(self._size):
            return wide
        if self._controls > MAX_CONTROLS * self._size:
            raise Unreadable(BINARY)
        declared = self._declared()
        if self._is_utf8() and (self._strange or not declared or not declared.startswith("iso2022")):
            return "utf-8"
        if declared and declared != "utf-8":
            return declared
        if guessed := _guess(self._strange):
            return guessed
        if self._utf8_errors < MAX_STRAY * self._size:
            return "utf-8"  # a few broken characters in a readable text
        raise Unreadable(UNKNOWN)

    def _is_utf8(self) -> bool:
        # a file that was cut inside a character, or has a line from elsewhere, is no other encoding for that
        return not self._utf8_errors or self._utf8_errors * 20 < self._utf8_starts

    def _declared(self) -> str | None:
        found = DECLARED.search(self._head[:4096])
        name = text_codec(found.group(1).decode("ascii")) if found else None
        if name is None or name.startswith(("utf-16", "utf-32")):  # the declaration could not have been read
            return None
        # browsers read what is declared as Latin-1 as Windows-1252, and so do the pages' authors
        return "cp1252" if name in ("iso8859-1", "ascii") else name


def text_codec(declared: str) -> str | None:
    """Python's name of a character encoding that a file declares; None if it is none, or none for files."""
    try:
        info = codecs.lookup(declared)
        "".encode(info.name)  # refuses what is no text encoding, such as "hex"
    except (LookupError, UnicodeError):
        return None
    return None if info.name in NOT_FOR_FILES or info.incrementaldecoder is None else info.name


class _Nuls:
    """Counts NUL bytes at even and odd places: UTF-16 without a byte order mark has them at one of the two."""

    def __init__(self) -> None:
        self._counts = [0, 0]
        self._parity = 0

    def feed(self, block: bytes) -> None:
        if b"\0" in block:
            self._counts[self._parity] += block[0::2].count(0)
            self._counts[1 - self._parity] += block[1::2].count(0)
        self._parity ^= len(block) & 1

    def wide_encoding(self, size: int) -> str | None:
        even, odd = self._counts
        if max(even, odd) < size * 0.2 or min(even, odd) > max(even, odd) * 0.05:
            return None
        return "utf-16-le" if odd > even else "utf-16-be"


def _first_not_ascii(block: bytes) -> int:
    return len(block) - len(block.lstrip(bytes(range(128))))


def _guess(sample: bytes) -> str | None:
    from charset_normalizer import from_bytes

    # a multi-byte character may be cut at the end of the sample
    matches = from_bytes(sample[: sample.rfind(b"\n") + 1] or sample, cp_exclusion=UNLIKELY)
    best = matches.best()
    if best is None:
        return None
    # of several encodings that fit equally well, the most common one in the world
    equals = [match for match in matches if (match.chaos, match.coherence) == (best.chaos, best.coherence)]
    return "cp1252" if any("cp1252" in match.could_be_from_charset for match in equals) else best.encoding
