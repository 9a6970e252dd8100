"""Which character encoding a text or HTML file has."""

import codecs
import re

from fileintel.documents import encoding_guess
from fileintel.documents.document import Unreadable
from fileintel.documents.encoding_labels import text_codec

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
NO_STARTS = bytes(range(0xC2))
SAMPLE = 32 * 1024  # bytes to recognise an encoding by, which takes about 0.1 s

BINARY = "looks like binary data, not text; leave it out, or give it the ending that fits its content"
UNKNOWN = "has a character encoding that could not be recognised; save it as UTF-8"


class EncodingScan:
    """Sees all of a file's bytes go by, and then names the encoding. Holds a bounded sample.

    The order: a byte order mark; UTF-8, when it decodes as such (but for a stray byte) and is not plain ASCII; what the
    file declares (`<meta charset>`, `<?xml encoding?>`); else what is most likely, judged from the first byte on that
    is not ASCII. A UTF-8 file is taken as that even if it declares another encoding: no text in another one is valid
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
        if not self._strange and (switching := encoding_guess.seven_bit(self._head)):
            return switching
        if self._controls > MAX_CONTROLS * self._size:
            if wide := encoding_guess.wide(self._head):
                return wide
            raise Unreadable(BINARY)
        declared = self._declared()
        if self._is_utf8():
            return "utf-8"
        if declared and declared != "utf-8":
            return declared
        if guessed := encoding_guess.guess(self._strange):
            return guessed
        if self._utf8_errors < MAX_STRAY * self._size:
            return "utf-8"  # a few broken characters in a readable text
        raise Unreadable(UNKNOWN)

    def _is_utf8(self) -> bool:
        # a file that was cut inside a character, or has a line from elsewhere, is no other encoding for that
        return not self._utf8_errors or self._utf8_errors * 20 < self._utf8_starts

    def _declared(self) -> str | None:
        found = DECLARED.search(self._head)
        name = text_codec(found.group(1).decode("ascii")) if found else None
        # a declaration of UTF-16 could not have been read
        return None if name is None or name.startswith(("utf-16", "utf-32")) else name


class _Nuls:
    """Counts NUL bytes by their place: text in UTF-16 and UTF-32 without a byte order mark has them at fixed ones."""

    def __init__(self) -> None:
        self._counts = [0, 0, 0, 0]
        self._seen = 0

    def feed(self, block: bytes) -> None:
        if b"\0" in block:
            for place in range(4):
                self._counts[(self._seen + place) % 4] += block[place::4].count(0)
        self._seen += len(block)

    def wide_encoding(self, size: int) -> str | None:
        first, second, third, fourth = (count * 4 / size for count in self._counts) if size else (0.0,) * 4
        if min(third, fourth) > 0.5 and fourth > 0.99 and first < 0.3:
            return "utf-32-le"
        if min(first, second) > 0.5 and first > 0.99 and fourth < 0.3:
            return "utf-32-be"
        even, odd = first + third, second + fourth
        if max(even, odd) < 0.8 or min(even, odd) > max(even, odd) * 0.05:
            return None
        return "utf-16-le" if odd > even else "utf-16-be"


def _first_not_ascii(block: bytes) -> int:
    return len(block) - len(block.lstrip(bytes(range(128))))
