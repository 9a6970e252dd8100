"""Answers to the extraction prompts: entities and relationships of a text, the ones missed before, and claims."""

from collections.abc import Iterable, Sequence

from fileintel.builtin_model import claims as claim_reader
from fileintel.builtin_model import kinds, prose, relations, tuples
from fileintel.builtin_model.entities import read

FIRST_PASS, WIDE_PASS = 1, 2


def extract(text: str, types: Sequence[str] = kinds.DEFAULT_TYPES) -> str:
    """The well supported entities of `text` and their relationships, as tuples."""
    return tuples.answer(_records(text, types, FIRST_PASS, ()))


def glean(text: str, types: Sequence[str], earlier: Sequence[str]) -> str:
    """The records of a wider pass over `text` that the `earlier` answers do not hold."""
    return tuples.answer(_records(text, types, WIDE_PASS, earlier))


def more_to_glean(text: str, earlier: Sequence[str]) -> bool:
    """Whether a wider pass over `text` would find an entity that the `earlier` answers do not hold."""
    given = tuples.given_entities(earlier)
    return any(prose.name_field(entity.name) not in given for entity in read(text).entities)


def _records(text: str, types: Sequence[str], tier: int, earlier: Iterable[str]) -> list[str]:
    earlier = list(earlier)
    statements = relations.Statements(read(text))
    entities = statements.reading.entities
    names = [prose.name_field(entity.name) for entity in entities]
    given, related = tuples.given_entities(earlier), tuples.given_relations(earlier)
    found: list[str] = []
    for index in relations.named(entities, tier):
        if names[index] and names[index] not in given:
            given.add(names[index])
            kind = kinds.offered_type(entities[index].kind, types).upper()
            found.append(tuples.record(['"entity"', names[index], kind, relations.describe(statements, index)]))
    for relation in relations.relations(statements, tier):
        source, target = names[relation.source], names[relation.target]
        if not source or not target or source == target or frozenset((source, target)) in related:
            continue
        related.add(frozenset((source, target)))
        description = relations.describe_relation(statements, relation)
        found.append(tuples.record(['"relationship"', source, target, description, str(relation.strength)]))
    return found


def claims(text: str) -> str:
    """What `text` says was decided, or happened on a date, as tuples."""
    return tuples.answer(tuples.record(claim) for claim in claim_reader.claims(text))


def no_more_claims() -> str:
    """What there is to glean: `claims` gives all that can be found."""
    return tuples.answer(())
