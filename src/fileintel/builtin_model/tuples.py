"""The tuple format of GraphRAG's extraction prompts: `("entity"<|>NAME<|>TYPE<|>DESCRIPTION)`, `##`, `<|COMPLETE|>`.

Format: `graphrag.prompts.index.extract_graph` and `extract_claims` of microsoft/graphrag 3.x.
"""

import re
from collections.abc import Iterable, Sequence

from fileintel.builtin_model import prose

FIELD = "<|>"
RECORD = "##"
COMPLETE = "<|COMPLETE|>"

_GIVEN_ENTITY = re.compile(r'\(\s*"?entity"?\s*<\|>([^<]*)<\|>', re.IGNORECASE)
_GIVEN_RELATION = re.compile(r'\(\s*"?relationship"?\s*<\|>([^<]*)<\|>([^<]*)<\|>', re.IGNORECASE)


def record(fields: Sequence[str]) -> str:
    """One record; every field is made safe, and the quoted kind of record stays quoted."""
    safe = [text if text in ('"entity"', '"relationship"') else prose.field_text(text) for text in fields]
    return f"({FIELD.join(safe)})"


def answer(records: Iterable[str]) -> str:
    """The whole answer: the records with the delimiter on lines of its own, and the end mark."""
    return f"\n{RECORD}\n".join(records) + f"\n{COMPLETE}" if (records := list(records)) else COMPLETE


def given_entities(answers: Iterable[str]) -> set[str]:
    """The names that earlier answers hold, in upper case."""
    return {_name(match.group(1)) for text in answers for match in _GIVEN_ENTITY.finditer(text)}


def given_relations(answers: Iterable[str]) -> set[frozenset[str]]:
    """The pairs of names that earlier answers relate, without direction."""
    return {
        frozenset((_name(match.group(1)), _name(match.group(2))))
        for text in answers
        for match in _GIVEN_RELATION.finditer(text)
    }


def _name(text: str) -> str:
    return text.strip().strip("\"'").upper()
