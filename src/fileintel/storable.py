"""Text that PostgreSQL and UTF-8 can hold."""

import re

_SURROGATES = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """`text` without NUL characters, which PostgreSQL has no place for, and with U+FFFD for lone surrogates, which
    UTF-8 has none for. Models and servers send both now and then."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    if text.isascii() or not _SURROGATES.search(text):
        return text
    return _SURROGATES.sub("\ufffd", text)
