"""What is said about the entities of a text: which sentences speak of which, and which entities stand together."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from fileintel.builtin_model import lexicon, prose
from fileintel.builtin_model.entities import Reading
from fileintel.builtin_model.entity import Entity
from fileintel.builtin_model.ranking import ended
from fileintel.builtin_model.sentences import Word
from fileintel.builtin_model.wordlists import word_set

CROWD = 4  # entities in one sentence up to which all pairs are related; more are read as a list
RELATIONS_PER_ENTITY = 2.0  # the weakest relations beyond this are left out
SENTENCES_PER_DESCRIPTION = 2
STRONGEST = 10

PRONOUN_WINDOW = 6  # words from the start of a sentence within which "she" is its subject

_SHE = word_set("she elle")
_HE = word_set("he er il")
_EITHER = word_set("hän sie")
_COPULAS = word_set("is was are were became ist war wurde est était fut devint on oli")


@dataclass(slots=True)
class Relation:
    """Two entities (by their index in the reading) and the sentences that mention both, best evidence first."""

    source: int
    target: int
    together: list[int] = field(default_factory=list)
    adjacent: list[tuple[int, int]] = field(default_factory=list)

    @property
    def strength(self) -> int:
        """1 to 10."""
        if not self.together:
            return min(2, len(self.adjacent))
        return min(STRONGEST, 1 + 2 * len(self.together) + min(2, len(self.adjacent)))


class Statements:
    """The sentences of a reading, with the entities that each one speaks of."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        # For each sentence its entities in the order of their first mention there.
        self.entities: list[list[int]] = [[] for _ in reading.sentences]
        # For each sentence that is about "she": the place of the pronoun and the entity it stands for.
        self._pronouns: dict[int, tuple[int, int]] = {}
        self._starts: dict[tuple[int, int], int] = {}
        for index, entity in enumerate(reading.entities):
            for phrase in entity.mentions:
                if (phrase.sentence, index) not in self._starts:
                    self._starts[phrase.sentence, index] = phrase.start
        for sentence, index in sorted(self._starts, key=lambda key: (key[0], self._starts[key], key[1])):
            self.entities[sentence].append(index)
        self._resolve_pronouns()

    def _resolve_pronouns(self) -> None:
        """ "In 1904 she joined …" speaks of the person with whom the sentence before began."""
        subject: int | None = None
        for at, line in enumerate(self.reading.words):
            persons = [index for index in self.entities[at] if self.reading.entities[index].kind == "person"]
            place = self._subject_pronoun(line)
            named_before = place is not None and any(self._starts[at, index] < place for index in persons)
            if place is None or named_before or self.reading.sentences[at].heading:
                subject = persons[0] if persons else None
                continue
            if subject is not None and self._fits(line[place].text.lower(), subject):
                self._pronouns[at] = (place, subject)
                if subject not in self.entities[at]:
                    self.entities[at].insert(0, subject)

    def _subject_pronoun(self, line: Sequence[Word]) -> int | None:
        """Return the place of a pronoun near the start of a sentence that stands for one person."""
        for place, word in enumerate(line[: PRONOUN_WINDOW if len(line) > 2 else 0]):
            text = word.text.lower()
            following = line[place + 1].text.lower() if place + 1 < len(line) else ""
            if any(mark in word.gap for mark in '"“”„«»'):
                return None  # what follows is speech
            if text in ("sie", "il"):
                plural = following.endswith("en") or following in ("sind", "")
                impersonal = following in ("y", "faut", "fallait", "est", "s'", "s’", "pleut")
                return None if place or plural or impersonal else place
            if text in _SHE or text in _HE or text in _EITHER:
                return place
        return None

    def _fits(self, pronoun: str, person: int) -> bool:
        given = self.reading.entities[person].key[0]
        female, male = given in lexicon.FEMALE_NAMES, given in lexicon.MALE_NAMES
        wants_female = pronoun in _SHE or pronoun == "sie"
        if pronoun == "hän" or female == male:
            return True
        return female if wants_female else male

    def text(self, at: int) -> str:
        """Sentence `at`, ready to be quoted: a leading pronoun is replaced by the name that it stands for."""
        sentence = self.reading.sentences[at].text
        if at in self._pronouns:
            place, person = self._pronouns[at]
            pronoun, offset = self.reading.words[at][place].text, 0
            for word in self.reading.words[at][:place]:
                offset = sentence.index(word.text, offset) + len(word.text)
            offset = sentence.index(pronoun, offset)
            sentence = sentence[:offset] + self.reading.entities[person].name + sentence[offset + len(pronoun) :]
        return prose.quote(sentence)

    def about(self, index: int) -> list[int]:
        """Return the sentences that speak of an entity, the most telling first."""
        entity = self.reading.entities[index]
        places = sorted({phrase.sentence for phrase in entity.mentions} | self._meant(index))
        return sorted(places, key=lambda at: (-self.worth(at, index), at))

    def _meant(self, index: int) -> set[int]:
        return {at for at, (_, person) in self._pronouns.items() if person == index}

    def worth(self, at: int, index: int) -> float:
        """Return how much sentence `at` tells about an entity: names it early, defines it, has facts, stands alone."""
        sentence, line = self.reading.sentences[at].text, self.reading.words[at]
        start = 0 if at in self._pronouns else self._starts.get((at, index), len(line))
        worth = 2.0 if start <= 2 else 1.0 if start <= len(line) // 2 else 0.0
        after = start + len(self.reading.entities[index].words)
        if after < len(line) and (line[after].text in _COPULAS or line[after].gap == ", "):
            worth += 1.0
        worth += min(1.0, 0.5 * sum(word.text[0].isdigit() for word in line))
        worth += min(1.0, 0.3 * len(self.entities[at]))
        worth -= 1.5 if prose.is_fragment(sentence) else 0.0
        worth -= 1.0 if prose.needs_context(sentence) and at not in self._pronouns else 0.0
        worth -= 0.8 if not 45 <= len(sentence) <= 260 else 0.0
        return worth - (1.0 if sentence[0] in '"“„«‘' else 0.0)


def describe(statements: Statements, index: int) -> str:
    """One or two sentences about an entity, in the order of the text."""
    return _passage(statements, statements.about(index))


def _passage(statements: Statements, ranked: Iterable[int]) -> str:
    best: list[int] = []
    length = 0
    for at in ranked:
        text = statements.text(at)
        if not best or length + len(text) <= prose.LONGEST_QUOTE + 60:
            best.append(at)
            length += len(text)
        if len(best) == SENTENCES_PER_DESCRIPTION:
            break
    return " ".join(ended(statements.text(at)) for at in sorted(best))


def relations(statements: Statements, tier: int) -> list[Relation]:
    """Return the relations between the entities of the reading up to `tier`, in order of appearance."""
    tiers = [entity.tier for entity in statements.reading.entities]
    found: dict[tuple[int, int], Relation] = {}
    partners: dict[int, int] = defaultdict(int)
    for at, everyone in enumerate(statements.entities):
        here = [index for index in everyone if tiers[index] <= tier]
        for pair in _pairs(here):
            relation = found.setdefault(_key(pair), Relation(*pair))
            relation.together.append(at)
            partners[pair[0]] += 1
            partners[pair[1]] += 1
    _relate_neighbours(statements, tiers, tier, found, partners)
    names = sum(1 for each in tiers if each <= tier)
    limit = max(4, int(names * RELATIONS_PER_ENTITY))
    order = sorted(found.values(), key=lambda relation: (-relation.strength, _first(relation), relation.source))
    return sorted(order[:limit], key=lambda relation: (_first(relation), relation.source, relation.target))


def _pairs(here: Sequence[int]) -> list[tuple[int, int]]:
    if len(here) <= CROWD:
        return [(one, other) for at, one in enumerate(here) for other in here[at + 1 :]]
    chain = list(pairwise(here))
    return chain + [(here[0], other) for other in here[2:]]


def _key(pair: tuple[int, int]) -> tuple[int, int]:
    return (min(pair), max(pair))


def _first(relation: Relation) -> int:
    return relation.together[0] if relation.together else relation.adjacent[0][0]


def _relate_neighbours(
    statements: Statements,
    tiers: Sequence[int],
    tier: int,
    found: dict[tuple[int, int], Relation],
    partners: dict[int, int],
) -> None:
    """Count adjacent sentences for pairs that are related anyway; relate an otherwise lonely entity by them."""
    for at in range(len(statements.entities) - 1):
        if statements.reading.sentences[at + 1].heading:
            continue
        here = [index for index in statements.entities[at] if tiers[index] <= tier]
        following = [index for index in statements.entities[at + 1] if tiers[index] <= tier]
        for one in here:
            for other in following:
                if one == other:
                    continue
                relation = found.get(_key((one, other)))
                nearest = (one == here[0] and not partners[other]) or (other == following[0] and not partners[one])
                if relation is None and nearest:
                    relation = found[_key((one, other))] = Relation(one, other)
                    partners[one] += 1
                    partners[other] += 1
                if relation is not None and len(relation.adjacent) < STRONGEST:
                    relation.adjacent.append((at, at + 1))


def describe_relation(statements: Statements, relation: Relation) -> str:
    """Return the sentences in which both entities stand together, or two adjacent ones."""
    if not relation.together:
        return _passage(statements, relation.adjacent[0])
    ranked = sorted(
        relation.together,
        key=lambda at: (-max(statements.worth(at, relation.source), statements.worth(at, relation.target)), at),
    )
    return _passage(statements, ranked)


def named(entities: Iterable[Entity], tier: int) -> list[int]:
    """Return the indexes of the entities up to `tier`."""
    return [index for index, entity in enumerate(entities) if entity.tier <= tier]
