"""Texts and JSON values that PostgreSQL and UTF-8 can hold. Models, servers and files send others now and then."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

_SURROGATES = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """Return `text` without what cannot be stored: the same object where nothing is wrong with it.

    NUL characters are removed, since PostgreSQL has no place for them. The two halves of a surrogate pair become the
    character that they stand for, because a decoder that read "\\ud83d\\ude00" piece by piece left them apart, and
    nothing is lost by joining them. A half that stands alone means nothing, and becomes U+FFFD.
    """
    if "\x00" in text:
        text = text.replace("\x00", "")
    if text.isascii() or not _SURROGATES.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def storable_value(value: Any) -> Any:
    """Return a JSON value in which all texts are storable, names of members included; tuples become lists."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable(str(name)): storable_value(inner) for name, inner in value.items()}
    return [storable_value(item) for item in value] if isinstance(value, list | tuple) else value


class _WithoutNul:
    """Tells pydantic, which `fileintel --help` does not wait for (0.1 s), to refuse texts with NUL."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic import AfterValidator

        return AfterValidator(_without_nul).__get_pydantic_core_schema__(source, handler)


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not hold the character NUL")
    return text


Text = Annotated[str, _WithoutNul()]  # a field of a request; a person is told what to leave out
