"""Reading a text: which names occur in it, what they stand for, and where.

A name counts in the first tier when it is well supported (several words, several mentions, or a telling context), in
the second tier when it is a fair guess. Short forms are resolved to long ones within the text: "Brandt" to "Ilse
Brandt", "the Commission" to "Harbour Commission", "HC" to "Harbour Commission".
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from fileintel.builtin_model import finnish, kinds, lexicon
from fileintel.builtin_model.entity import Entity, absorb
from fileintel.builtin_model.phrases import Finder, Phrase, is_roman, kind_of_head
from fileintel.builtin_model.resolution import Resolver
from fileintel.builtin_model.sentences import Sentence, Word, sentences, words
from fileintel.builtin_model.stopwords import LANGUAGES, language_of
from fileintel.builtin_model.wordlists import word_set

FIRST_TIER_LIMIT = 32  # entities of one text; a language model gives 15 to 30 for 1200 tokens
SECOND_TIER_LIMIT = 14
STRONG_CUE = 2.0  # points from the context of one mention that make a single word believable

# Bodies that are known by one common noun, so that "the Senate" is a name of its own.
_LONE_INSTITUTIONS = word_set("parliament senate admiralty reichstag bundestag bürgerschaft senat eduskunta")
_CODE = re.compile(r"[a-z]\d{1,2}")  # "Q3", "A4"
_FINNISH_STEM = 5  # characters that two inflections of a name share at least
_FINNISH_TAIL = 5  # characters in which they differ at most


@dataclass(slots=True)
class Reading:
    """A text, read: its sentences, their words, and the entities of both tiers in order of appearance."""

    language: str
    sentences: list[Sentence]
    words: list[list[Word]]
    entities: list[Entity] = field(default_factory=list)


def read(text: str) -> Reading:
    """Find the entities of `text`."""
    found = sentences(text)
    tokens = [words(sentence.text) for sentence in found]
    lower = Counter(word.text for line in tokens for word in line if word.text[0].islower())
    reading = Reading(language_of(lower.elements()), found, tokens)
    finder = Finder(reading.language)
    phrases = [phrase for at, line in enumerate(tokens) if not found[at].heading for phrase in finder.phrases(at, line)]
    entities = _collect(_without_openers(phrases, lower), tokens)
    entities = _unite_inflections(entities, reading.language)
    entities = Resolver(entities, tokens).resolve()
    judge = _GermanJudge(tokens) if reading.language == "de" else None
    for entity in entities:
        entity.name = entity.name or _display(entity)
        entity.tier = _tier(entity, lower, judge, LANGUAGES[reading.language])
    reading.entities = _limit(entities)
    return reading


def _without_openers(phrases: Sequence[Phrase], lower: Counter[str]) -> list[Phrase]:
    """Drop the first word of phrases at sentence starts where only the position gave it a capital."""
    inside = {tuple(word.lower() for word in phrase.words) for phrase in phrases if not phrase.initial}
    cleaned: list[Phrase] = []
    for phrase in phrases:
        key = tuple(word.lower() for word in phrase.words)
        if phrase.initial and len(key) > 1 and key not in inside and key[0] not in lexicon.GIVEN_NAMES:
            rest = key[1:]
            opener = key[0] in lexicon.OPENERS or key[0].endswith("ly")
            common = key[0] in lower and (len(rest) > 1 or kind_of_head(rest[0]) is None)
            if (opener or common or rest in inside) and phrase.words[1][0].isupper():
                surface = phrase.surface[phrase.surface.index(phrase.words[1], len(phrase.words[0])) :]
                phrase = phrase._replace(words=phrase.words[1:], surface=surface, start=phrase.start + 1, initial=False)
        cleaned.append(phrase)
    return cleaned


def _collect(phrases: Iterable[Phrase], tokens: Sequence[Sequence[Word]]) -> list[Entity]:
    """One entity for each different name, in order of appearance."""
    entities: dict[tuple[str, ...], Entity] = {}
    for phrase in phrases:
        key = tuple(word.lower().rstrip(".") for word in phrase.words)
        entity = entities.get(key)
        if entity is None:
            entity = entities[key] = Entity(phrase.words, [], kinds.name_scores(phrase.words))
        line = tokens[phrase.sentence]
        context = kinds.context_scores(phrase, line)
        entity.measured |= phrase.start > 0 and line[phrase.start - 1].text[0].isdigit()
        for kind, points in context.items():
            entity.scores[kind] += points
        entity.strongest_cue = max(entity.strongest_cue, *context.values())
        entity.mentions.append(phrase)
    return list(entities.values())


def _unite_inflections(entities: list[Entity], language: str) -> list[Entity]:
    """Join "Brandts" to "Brandt", in Finnish "Helsingissä" to "Helsinki"; the basic form gives the name."""
    by_key = {entity.key: entity for entity in entities}
    kept: list[Entity] = []
    for entity in entities:
        base = by_key.get(_base_form(entity.key, by_key, language), entity)
        if base is entity:
            kept.append(_as_known_place(entity) if language == "fi" else entity)
        else:
            absorb(base, entity, entity.mentions)
            if language == "fi":
                base.name = " ".join(base.words)
    return kept


def _base_form(key: tuple[str, ...], keys: Iterable[tuple[str, ...]], language: str) -> tuple[str, ...]:
    last = key[-1]
    if language != "fi":
        base = (*key[:-1], last[:-1])
        return base if last.endswith("s") and len(last) > 3 and base in keys else key
    full = [other for other in keys if len(key) == 1 and len(other) == 2 and _same_finnish_stem(last, other[-1])]
    alike = [other for other in keys if other[:-1] == key[:-1] and _same_finnish_stem(last, other[-1])]
    return min(full or alike, key=lambda other: (not other[-1].endswith("nen"), len(other[-1]), other))


def _as_known_place(entity: Entity) -> Entity:
    """In Finnish, the entity under the basic form of a well-known place: "Tampereella" becomes "Tampere"."""
    word = entity.key[0]
    for place in sorted(lexicon.PLACES) if len(entity.words) == 1 else ():
        found = [stem for stem in finnish.stems(place) if word.startswith(stem)]
        if found and word != place and len(word) - len(found[0]) <= _FINNISH_TAIL:
            entity.words = (place.capitalize(),)
            entity.name = entity.words[0]
            entity.scores["geo"] += 4
            break
    return entity


def _same_finnish_stem(one: str, other: str) -> bool:
    shared = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        shared += 1
    longest = max(len(one), len(other))
    return one == other or (shared >= _FINNISH_STEM and longest - shared <= _FINNISH_TAIL)


def _display(entity: Entity) -> str:
    """Return the most frequent spelling of the full name."""
    own = [phrase.surface for phrase in entity.mentions if len(phrase.words) == len(entity.words)]
    matching = [surface for surface in own if surface.lower().startswith(entity.words[0].lower())]
    spellings = Counter(matching or own or [" ".join(entity.words)])
    return max(spellings, key=lambda surface: (spellings[surface], surface.isupper() is False, surface))


class _GermanJudge:
    """Tells German names from common nouns, which are capitalised as well, by the articles before them."""

    def __init__(self, tokens: Sequence[Sequence[Word]]) -> None:
        self._tokens = tokens

    def bare_share(self, entity: Entity) -> float:
        """Return the share of the mentions without an article or an adjective before."""
        bare = 0
        for phrase in entity.mentions:
            line = self._tokens[phrase.sentence]
            before = line[phrase.start - 1].text if phrase.start and line[phrase.start].gap == " " else ""
            adjective = before.endswith(("en", "er", "es", "em", "e")) and before[:1].islower()
            common = before.lower() in lexicon.GERMAN_DETERMINERS or (
                adjective and before not in LANGUAGES["de"] and not before.endswith("te")
            )
            bare += not common
        return bare / len(entity.mentions)

    def tier(self, entity: Entity) -> int:
        """0 for a common noun, else the tier of a name of one word."""
        word, count = entity.key[0], len(entity.mentions)
        if any(phrase.titled for phrase in entity.mentions) or word in lexicon.PLACES:
            return 1
        if word in lexicon.GERMAN_NOUNS or word in lexicon.PLACE_NOUNS or word in lexicon.GROUP_NOUNS:
            return 0
        compound = any(
            word.endswith(suffix) and len(word) > len(suffix) + 2
            for kind in ("organization", "geo", "event")
            for suffix in lexicon.COMPOUND_SUFFIXES[kind]
        )
        if compound:
            return 1 if count > 1 else 2
        if word.endswith(tuple(lexicon.GERMAN_NOUN_ENDINGS)) or self.bare_share(entity) < 0.7:
            return 0
        if word in lexicon.GIVEN_NAMES or (entity.words[0].isupper() and len(word) > 1):
            return 1
        if entity.strongest_cue >= STRONG_CUE:
            return 1 if count > 1 else 2
        return 2 if count > 1 and entity.middle else 0


def _tier(entity: Entity, lower: Counter[str], judge: _GermanJudge | None, stop: frozenset[str]) -> int:
    """1 for a well supported name, 2 for a fair guess, 0 for none."""
    believable = entity.strongest_cue >= STRONG_CUE or any(phrase.titled for phrase in entity.mentions)
    if len(entity.words) > 1:
        known = kind_of_head(entity.key[-1]) is not None or entity.key[0] in lexicon.GIVEN_NAMES
        generic = all(word in lexicon.GENERIC or word in lexicon.DEMONYMS for word in entity.key)
        if generic or (judge and entity.key[-1] in lexicon.GERMAN_NOUNS):
            return 0
        return 1 if entity.middle or believable or known or len(entity.mentions) > 1 else 2
    word = entity.key[0]
    if _never_a_name(entity, word, lower) or word in stop:
        return 0
    if judge:
        return judge.tier(entity)
    if entity.middle == 0:
        return 2 if believable or word in lexicon.GIVEN_NAMES or word in lexicon.PLACES else 0
    return 1 if believable or len(entity.mentions) > 1 or word in lexicon.PLACES else 2


def _never_a_name(entity: Entity, word: str, lower: Counter[str]) -> bool:
    if _CODE.fullmatch(word) or (entity.words[0].isupper() and len(word) < 3 and entity.measured):
        return True
    if len(word) < 2 or is_roman(word) or (len(word) == 2 and not entity.words[0].isupper()):
        return True
    if word in lexicon.GENERIC or word in lexicon.DEMONYMS or word in lexicon.OPENERS or word in lexicon.TITLES:
        return True
    if (word in lexicon.ROYALS or kind_of_head(word)) and word not in _LONE_INSTITUTIONS:
        return not any(phrase.titled for phrase in entity.mentions)
    titled = any(phrase.titled for phrase in entity.mentions)
    return lower[word] >= max(1, entity.middle) and not titled and word not in lexicon.GIVEN_NAMES


def _limit(entities: list[Entity]) -> list[Entity]:
    """The best supported entities of each tier, in order of appearance; the rest of the first falls to the second."""
    ranked = sorted(
        (entity for entity in entities if entity.tier),
        key=lambda entity: (entity.tier, -len(entity.mentions), -len(entity.words), entity.key),
    )
    for entity in ranked[FIRST_TIER_LIMIT:]:
        entity.tier = 2
    kept = ranked[: FIRST_TIER_LIMIT + SECOND_TIER_LIMIT]
    second = [entity for entity in kept if entity.tier == 2][SECOND_TIER_LIMIT:]
    dropped = {id(entity) for entity in second}
    kept = [entity for entity in kept if id(entity) not in dropped]
    return sorted(kept, key=lambda entity: (entity.mentions[0].sentence, entity.mentions[0].start))
