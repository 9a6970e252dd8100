"""Whether a PDF file was cut off: PDFium repairs such files silently, and nothing would tell of the missing pages."""

import re
from typing import BinaryIO

BLOCK = 1 << 20  # bytes
OVERLAP = 64  # bytes
START = re.compile(rb"startxref\s+(\d+)")
OBJECT = re.compile(rb"\d+\s+\d+\s+obj\b")
TRAILER = re.compile(rb"trailer\s*<<.*?>>", re.S)
LINEARIZED = re.compile(rb"/Linearized\b[^>]*?/L\s+(\d+)|/L\s+(\d+)[^>]*/Linearized\b", re.S)
HEAD = 1024  # bytes


def is_cut_off(stream: BinaryIO, size: int) -> bool:
    """Whether the end of the file is missing.

    The last line (`%%EOF`) says little: mail programs lose it, and others append junk behind it. A whole file ends, but
    for such junk, with the place of its cross-reference table or with a trailer; behind them no object begins.
    """
    stream.seek(0)
    if found := LINEARIZED.search(stream.read(HEAD)):
        # its first table stands at the beginning, so that only its declared length tells
        declared = int(found.group(1) or found.group(2))
        if declared > size:
            return True
    stream.seek(max(0, size - BLOCK))
    has_marker = b"%%EOF" in stream.read()
    tail = b""
    position = size
    while position > 0:
        start = max(0, position - BLOCK)
        stream.seek(start)
        tail = stream.read(position - start) + tail[: OVERLAP + BLOCK]
        ends = [found.end() for found in START.finditer(tail)] or [found.end() for found in TRAILER.finditer(tail)]
        if ends:
            return OBJECT.search(tail, ends[-1]) is not None
        if OBJECT.search(tail, 0, BLOCK):
            return True
        position = start
    return not has_marker  # neither a table nor an object: damaged in another way
