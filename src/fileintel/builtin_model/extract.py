"""Answers to the extraction prompts: entities and relationships of a text, the ones missed before, and claims.

They are tuples in the format of `graphrag.prompts.index.extract_graph` and `extract_claims` (microsoft/graphrag 3.x):
`("entity"<|>NAME<|>TYPE<|>DESCRIPTION)`, with `##` between two and `<|COMPLETE|>` at the end.
"""

import re
from collections.abc import Iterable, Sequence

from fileintel.builtin_model import claims as claim_reader
from fileintel.builtin_model import kinds, prose, relations
from fileintel.builtin_model.entities import read

FIELD = "<|>"
RECORD = "##"
COMPLETE = "<|COMPLETE|>"

_GIVEN_ENTITY = re.compile(r'\(\s*"?entity"?\s*<\|>([^<]*)<\|>', re.IGNORECASE)
_GIVEN_RELATION = re.compile(r'\(\s*"?relationship"?\s*<\|>([^<]*)<\|>([^<]*)<\|>', re.IGNORECASE)

FIRST_PASS, WIDE_PASS = 1, 2


def extract(text: str, types: Sequence[str] = kinds.DEFAULT_TYPES) -> str:
    """Return the well supported entities of `text` and their relationships, as tuples."""
    return _answer(_records(text, types, FIRST_PASS, ()))


def glean(text: str, types: Sequence[str], earlier: Sequence[str]) -> str:
    """Return the records of a wider pass over `text` that the `earlier` answers do not hold."""
    return _answer(_records(text, types, WIDE_PASS, earlier))


def more_to_glean(text: str, earlier: Sequence[str]) -> bool:
    """Return whether a wider pass over `text` would find an entity that the `earlier` answers do not hold."""
    given = _given_entities(earlier)
    return any(prose.name_field(entity.name) not in given for entity in read(text).entities)


def _records(text: str, types: Sequence[str], tier: int, earlier: Iterable[str]) -> list[str]:
    earlier = list(earlier)
    statements = relations.Statements(read(text))
    entities = statements.reading.entities
    names = [prose.name_field(entity.name) for entity in entities]
    given, related = _given_entities(earlier), _given_relations(earlier)
    found: list[str] = []
    for index in relations.named(entities, tier):
        if names[index] and names[index] not in given:
            given.add(names[index])
            kind = kinds.offered_type(entities[index].kind, types).upper()
            found.append(_record(['"entity"', names[index], kind, relations.describe(statements, index)]))
    for relation in relations.relations(statements, tier):
        source, target = names[relation.source], names[relation.target]
        if not source or not target or source == target or frozenset((source, target)) in related:
            continue
        related.add(frozenset((source, target)))
        description = relations.describe_relation(statements, relation)
        found.append(_record(['"relationship"', source, target, description, str(relation.strength)]))
    return found


def claims(text: str) -> str:
    """Return what `text` says was decided, or happened on a date, as tuples."""
    return _answer(_record(claim) for claim in claim_reader.claims(text))


def no_more_claims() -> str:
    """Return an answer without records: `claims` gives all that can be found."""
    return _answer(())


def _record(fields: Sequence[str]) -> str:
    """One record; every field is made safe, and the quoted kind of record stays quoted."""
    safe = [text if text in ('"entity"', '"relationship"') else prose.field_text(text) for text in fields]
    return f"({FIELD.join(safe)})"


def _answer(records: Iterable[str]) -> str:
    """Return the whole answer: the records with the delimiter on lines of its own, and the end mark."""
    return f"\n{RECORD}\n".join(records) + f"\n{COMPLETE}" if (records := list(records)) else COMPLETE


def _given_entities(answers: Iterable[str]) -> set[str]:
    """Return the names that earlier answers hold, in upper case."""
    return {_name(match.group(1)) for text in answers for match in _GIVEN_ENTITY.finditer(text)}


def _given_relations(answers: Iterable[str]) -> set[frozenset[str]]:
    """Return the pairs of names that earlier answers relate, without direction."""
    return {
        frozenset((_name(match.group(1)), _name(match.group(2))))
        for text in answers
        for match in _GIVEN_RELATION.finditer(text)
    }


def _name(text: str) -> str:
    return text.strip().strip("\"'").upper()
