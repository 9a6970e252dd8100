"""Pictures that stand in a text as addresses (`data:image/png;base64,…`): their bytes are no text."""

import re
from collections.abc import Iterable, Iterator

SCHEME = "data:"
PREFIX = re.compile(r"data:[\w.+-]{1,60}/[\w.+-]{1,60}(?:;[\w.=+-]{1,60}){0,4},")
BYTES = re.compile(r"[A-Za-z0-9+/=_%.~-]*")
SHORTEST = 64  # characters of bytes: a shorter address may be an example
ADDRESS = re.compile(f"{PREFIX.pattern}[A-Za-z0-9+/=_%.~-]{{{SHORTEST},}}")
LONGEST_PREFIX = 400  # characters


def without_data_addresses(fragments: Iterable[str]) -> Iterator[str]:
    """The text that `fragments` make up, with `data:` for each such address. The words before it are what it shows."""
    held, dropping = "", False
    for fragment in fragments:
        text, held = held + fragment, ""
        if dropping:
            text = text[_bytes_end(text, 0) :]
            dropping = not text
        text, held, dropping_now = _cut(text)
        dropping |= dropping_now
        yield text
    yield held


def _cut(text: str) -> tuple[str, str, bool]:
    """The text as far as it is certain, what has to wait for the next fragment, and whether an address goes on."""
    start = text.rfind(SCHEME)
    prefix = PREFIX.match(text, start) if start >= 0 else None
    if prefix and _bytes_end(text, prefix.end()) == len(text):
        if len(text) - prefix.end() >= SHORTEST:
            return ADDRESS.sub(SCHEME, text[:start]) + SCHEME, "", True
        return ADDRESS.sub(SCHEME, text[:start]), text[start:], False
    if start >= 0 and not prefix and len(text) - start < LONGEST_PREFIX and len(text[start:].split()) == 1:
        return ADDRESS.sub(SCHEME, text[:start]), text[start:], False
    torn = next((n for n in range(len(SCHEME) - 1, 0, -1) if text.endswith(SCHEME[:n])), 0)
    certain = len(text) - torn
    return ADDRESS.sub(SCHEME, text[:certain]), text[certain:], False


def _bytes_end(text: str, start: int) -> int:
    found = BYTES.match(text, start)
    return found.end() if found else start
