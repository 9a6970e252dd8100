"""Short names to long ones within one text: "Brandt" → "Ilse Brandt", "the Commission" → "Harbour Commission"."""

from collections.abc import Sequence

from fileintel.builtin_model import lexicon
from fileintel.builtin_model.entity import Entity, absorb
from fileintel.builtin_model.phrases import Phrase, heads, kind_of_head
from fileintel.builtin_model.sentences import Word

_PLACE_PREPOSITIONS = ("in", "at", "near", "à", "nach", "en")


class Resolver:
    """Moves the mentions of short forms to the long form that was named last before them."""

    def __init__(self, entities: Sequence[Entity], tokens: Sequence[Sequence[Word]]) -> None:
        self._entities = list(entities)
        self._tokens = tokens
        self._long_by_word: dict[str, list[Entity]] = {}
        self._long_by_initials: dict[str, list[Entity]] = {}
        for entity in self._entities:
            if len(entity.words) > 1:
                for word in sorted(set(entity.key)):
                    self._long_by_word.setdefault(word, []).append(entity)
                initials = "".join(word[0] for word in entity.words if word[0].isupper())
                self._long_by_initials.setdefault(initials, []).append(entity)

    def resolve(self) -> list[Entity]:
        """Return the entities that are left when every short form has found its long form."""
        left: list[Entity] = []
        # The shortest first, so that a chain "Brandt" → "Ilse Brandt" → "Dr Ilse Maria Brandt" ends at its end.
        for entity in sorted(self._entities, key=lambda each: len(each.words)):
            candidates = self._long_forms(entity)
            moves: dict[int, list[Phrase]] = {}
            stay: list[Phrase] = []
            for phrase in entity.mentions:
                at = self._choose(phrase, candidates)
                (stay if at is None else moves.setdefault(at, [])).append(phrase)
            for at, phrases in moves.items():
                absorb(candidates[at], entity, phrases)
            if stay:
                entity.mentions = stay
                left.append(entity)
        return sorted(left, key=lambda each: (each.mentions[0].sentence, each.mentions[0].start))

    def _long_forms(self, short: Entity) -> list[Entity]:
        if len(short.words) == 1 and short.words[0].isupper() and 1 < len(short.words[0]) < 8:
            acronym = self._long_by_initials.get(short.words[0], [])
            if acronym:
                return acronym
        return [
            long
            for long in self._long_by_word.get(short.key[0], [])
            if len(long.words) > len(short.words)
            and (_is_short_form(short, long) or (long.key[1:] == short.key and self._with_article(short)))
        ]

    def _with_article(self, entity: Entity) -> bool:
        """Return whether every mention follows "the": "the Lantern" after "the Black Lantern"."""
        lines = ((self._tokens[phrase.sentence], phrase.start) for phrase in entity.mentions)
        return all(start and line[start - 1].text.lower() == "the" for line, start in lines)

    def _choose(self, phrase: Phrase, candidates: Sequence[Entity]) -> int | None:
        """Return the index of the long form that was mentioned last before `phrase`, or else first after it."""
        if not candidates:
            return None
        line = self._tokens[phrase.sentence]
        before = line[phrase.start - 1].text.lower() if phrase.start else ""
        if before in _PLACE_PREPOSITIONS and not phrase.titled:
            word = phrase.words[-1].lower()
            if word in lexicon.PLACES or (candidates[0].kind == "person" and before in ("in", "near", "à", "nach")):
                return None
        here = (phrase.sentence, phrase.start)
        latest: tuple[tuple[int, int], int] | None = None
        for at, candidate in enumerate(candidates):
            places = [(each.sentence, each.start) for each in candidate.mentions]
            earlier = [place for place in places if place < here]
            rank = max(earlier) if earlier else (-1 - min(places)[0], -min(places)[1])
            if latest is None or rank > latest[0]:
                latest = (rank, at)
        return latest[1] if latest else None


def _is_short_form(short: Entity, long: Entity) -> bool:
    shorter, longer = short.key, long.key
    if longer[:-1] == shorter and longer[-1] in lexicon.COMPANY_ENDINGS:
        return True
    last, head = heads(long.words)
    if long.kind == "person" and kind_of_head(last) is None:
        if len(shorter) == 1:
            return shorter[0] in (longer[0], longer[-1]) and shorter[0] not in lexicon.TITLES
        return longer[-len(shorter) :] == shorter
    if len(shorter) == 1:
        return kind_of_head(shorter[0]) is not None and shorter[0] in (last, head)
    if kind_of_head(shorter[-1]) is None:
        return False
    return longer[-len(shorter) :] == shorter or longer[: len(shorter)] == shorter
