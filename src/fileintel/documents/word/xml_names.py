"""Names in Office's XML by their local part: strict and transitional files differ in their namespaces."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

OFF = ("0", "false", "off", "none")


@lru_cache(maxsize=4096)
def local(tag: str) -> str:
    """The name of an element or attribute without its namespace."""
    return tag.rpartition("}")[2]


def attribute(attributes: Mapping[Any, Any], name: str) -> str:
    """An attribute's value; "" if it is not there."""
    return next((str(value) for key, value in attributes.items() if local(str(key)) == name), "")


def is_on(attributes: Mapping[Any, Any]) -> bool:
    """Whether a property that is on by being there has not been turned off."""
    return attribute(attributes, "val").lower() not in OFF


def hexadecimal(text: str) -> int:
    """The number that `text` is in hexadecimal digits; 0 if it is none."""
    try:
        return int(text, 16)
    except ValueError:
        return 0


def number(text: str, otherwise: int) -> int:
    """The whole number that `text` is."""
    try:
        return int(text)
    except ValueError:
        return otherwise
