"""Answers of a model that sees an island of its own in each document: as many communities as documents."""

import re
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from fileintel.builtin_model import sections
from tests.standin import synthetic

ISLAND = re.compile(r"Island (\w+) lies")
INHABITANTS = ("FOX", "HARE", "OWL")  # connected with one another, with nobody else


def document(name: str) -> str:
    """The text of a document about one island."""
    return f"Island {name} lies in the sea. A fox, a hare and an owl live there.\n"


def answer(purpose: str, messages: Sequence[dict[str, Any]], schema_name: str | None) -> str:
    """Three entities and three relationships for each document; anything else as the synthetic model has it."""
    found = ISLAND.search(sections.data_message(messages, "<"))
    if purpose != "extract" or found is None:
        return synthetic.answer(purpose, messages, schema_name)
    names = [f"{animal} OF {found[1].upper()}" for animal in INHABITANTS]
    records = [f'("entity"<|>{name}<|>PERSON<|>{name} lives on the island {found[1]}.)' for name in names]
    records += [
        f'("relationship"<|>{one}<|>{other}<|>{one} knows {other}.<|>5)' for one, other in combinations(names, 2)
    ]
    return "\n##\n".join(records) + "\n<|COMPLETE|>"
