"""The graph without a model: entities are the names that stand in the texts, relationships what stands together.

As upstream's fast method (`graphrag.index.operations.build_noun_graph`, `prune_graph`): names of one text unit are
related, weights are pointwise mutual information weighted with frequency, and the weakest share of the relationships
is left out. Where it differs: the names are those of the built-in reader, which knows English, German, French and
Finnish and needs no download; entities have types, and the best sentences about them as descriptions; names that
stand together in one text unit only have to do so in one sentence, or next to it, or the graph would be nearly
complete; weights are above 0, because the clustering takes no others.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations, count

from fileintel.builtin_model import kinds, relations
from fileintel.builtin_model.entities import read
from fileintel.graphrag.model import Entity, Graph, Relationship, TextUnit
from fileintel.graphrag.stages.extract_records import EntityRecord, Extraction, RelationshipRecord
from fileintel.graphrag.stages.merging import merge
from fileintel.graphrag.stages.records import LONGEST_NAME, clean_name, clean_text, merge_key
from fileintel.graphrag.stages.stage import Build, StageRun
from fileintel.runtime import sorted_in_slices, yield_to_hub, yielding

WEAKEST_SHARE = 0.4  # of the relationships are left out, as upstream's min_edge_weight_pct
LEAST_FREQUENCY = 2  # text units that name an entity, as upstream's min_node_freq; below it, it has to be sure
SENTENCES_KEPT = 4  # of a description: no model is there to merge more
CHARACTERS_KEPT = 1_500  # of a description
MOST_RELATED = 20  # names of one text unit that are paired with each other, in order of appearance
LEAST_WEIGHT = 0.1  # of a pair that stands together less often than chance has it

READ_BETWEEN_TURNS = 25  # text units, which take some tenths of a second

Pair = tuple[str, str]


class FastExtraction(StageRun):
    """The stage `extract` of the fast method: it asks nothing. Vectors are asked for meanwhile, and a stop is heard."""

    def texts_are_read(self, build: Build) -> None:
        run, units = build.run, build.parts.units
        run.progress.begin("extract", len(units))
        read_units = count(1)

        def read_one() -> None:
            run.progress.item_done("extract")
            if next(read_units) % READ_BETWEEN_TURNS == 0:
                build.take_turn()

        build.parts.graph = noun_graph(units, run.settings.graphrag.entity_types, read_one)


def noun_graph(
    units: Sequence[TextUnit], entity_types: Sequence[str], read_one: Callable[[], object] = lambda: None
) -> Graph:
    """The graph of the names in these texts, pruned; `read_one` is called for each text that was read."""
    extractions: dict[int, Extraction] = {}
    for unit in units:
        extractions[unit.number] = _read(unit.text, entity_types)
        read_one()
        yield_to_hub()
    _leave_out(extractions)
    _relate(extractions)
    graph = merge(extractions, units)
    things: list[Entity | Relationship] = [*graph.entities.values(), *graph.relationships.values()]
    for thing in yielding(things):
        thing.descriptions = (_shortened(thing.descriptions),) if thing.descriptions else ()
    return graph


def _read(text: str, entity_types: Sequence[str]) -> Extraction:
    """The names of a text with what it says about them, and the pairs that stand in one sentence."""
    statements = relations.Statements(read(text))
    found = Extraction()
    names: dict[int, str] = {}
    for index, entity in enumerate(statements.reading.entities):
        name = clean_name(entity.name)
        if entity.tier and merge_key(name) and len(name) <= LONGEST_NAME and name not in names.values():
            names[index] = name
            kind = kinds.offered_type(entity.kind, entity_types).upper()
            found.entities.append(EntityRecord(name, kind, clean_text(relations.describe(statements, index))))
    for relation in relations.relations(statements, tier=2):
        ends = names.get(relation.source), names.get(relation.target)
        if ends[0] and ends[1] and merge_key(ends[0]) != merge_key(ends[1]):
            told = clean_text(relations.describe_relation(statements, relation))
            found.relationships.append(RelationshipRecord(ends[0], ends[1], told, 0.0))
    return found


def _leave_out(extractions: dict[int, Extraction]) -> None:
    """Take out names of one passage that nothing in it is said together with."""
    frequency: dict[str, int] = {}
    for extraction in yielding(extractions.values()):
        for key in {merge_key(record.title) for record in extraction.entities}:
            frequency[key] = frequency.get(key, 0) + 1
    for extraction in yielding(extractions.values()):
        told = {merge_key(end) for link in extraction.relationships for end in (link.source, link.target)}
        extraction.entities = [
            record
            for record in extraction.entities
            if frequency[merge_key(record.title)] >= LEAST_FREQUENCY or merge_key(record.title) in told
        ]


def _relate(extractions: dict[int, Extraction]) -> None:
    """Relate what stands together in a text unit, but for the weakest."""
    together: Counter[Pair] = Counter()
    frequency: Counter[str] = Counter()
    told: set[Pair] = set()
    for extraction in extractions.values():
        frequency.update({merge_key(record.title) for record in extraction.entities})
        together.update(_pairs(extraction))
        told.update(map(_pair, extraction.relationships))
        yield_to_hub()
    several = {pair: count for pair, count in yielding(together.items()) if count > 1 or pair in told}
    weights = _weights(several, frequency)
    kept = _strongest(weights, told)
    for extraction in extractions.values():
        descriptions = {_pair(link): link.description for link in extraction.relationships}
        names = {merge_key(record.title): record.title for record in extraction.entities}
        extraction.relationships = [
            # the weights of all text units add up when they are merged
            RelationshipRecord(names[low], names[high], descriptions.get((low, high), ""), kept[low, high])
            for low, high in _pairs(extraction)
            if (low, high) in kept
        ]
        yield_to_hub()


def _pairs(extraction: Extraction) -> Iterable[Pair]:
    """The pairs of a text unit: of the names in one sentence, and of those that are read first."""
    keys = list(dict.fromkeys(merge_key(record.title) for record in extraction.entities))
    inside = set(keys)
    found = {pair for pair in map(_pair, extraction.relationships) if inside.issuperset(pair)}
    found.update(combinations(sorted(keys[:MOST_RELATED]), 2))
    return sorted(found)


def _weights(together: Mapping[Pair, int], frequency: Mapping[str, int]) -> dict[Pair, float]:
    """Pointwise mutual information (Church, Hanks 1990) of each pair, above 0; for one text unit of theirs."""
    pairs, names = sum(together.values()), sum(frequency.values())
    return {
        (low, high): max(math.log2(count / pairs / (frequency[low] * frequency[high] / names**2)), LEAST_WEIGHT)
        for (low, high), count in yielding(together.items())
    }


def _strongest(weights: dict[Pair, float], told: set[Pair]) -> dict[Pair, float]:
    """The pairs that are kept: those of one sentence, and of the others all but the weakest."""
    others = list(sorted_in_slices(weights.keys() - told, key=lambda pair: (weights[pair], pair)))
    weakest = set(others[: math.floor(len(others) * WEAKEST_SHARE)])
    return {pair: weight for pair, weight in yielding(weights.items()) if pair not in weakest}


def _pair(link: RelationshipRecord) -> Pair:
    low, high = sorted((merge_key(link.source), merge_key(link.target)))
    return low, high


def _shortened(descriptions: Iterable[str]) -> str:
    """What several passages say, one behind the other as far as there is room."""
    kept: list[str] = []
    for text in list(descriptions)[:SENTENCES_KEPT]:
        if kept and sum(map(len, kept)) + len(text) > CHARACTERS_KEPT:
            break
        kept.append(text)
    return " ".join(kept)
