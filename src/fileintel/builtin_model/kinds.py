"""What a name stands for (a person, a place, an organisation, an event), judged by its words and its surroundings."""

import re
from collections.abc import Sequence

from fileintel.builtin_model import lexicon
from fileintel.builtin_model.phrases import Phrase, heads, kind_of_head
from fileintel.builtin_model.sentences import Word

KINDS = ("person", "organization", "geo", "event")  # the order decides between equals
DEFAULT_TYPES = ("organization", "person", "geo", "event")

_SYNONYMS = {
    "person": "person people human individual character personne personnage personen figur henkilö ihminen",
    "organization": "organization organisation org company institution agency group firm business organisaatio "
    "unternehmen institution entreprise yritys",
    "geo": "geo location place city country gpe loc region area ort land stadt lieu ville pays paikka geography",
    "event": "event incident occurrence ereignis événement evenement tapahtuma happening",
}
_OTHERS = ("other", "misc", "miscellaneous", "thing", "object", "concept", "topic", "term")
_APPOSITION_WORDS = 7  # how far behind "Ilse Brandt, a …" the noun may stand

Scores = dict[str, float]


def offered_type(kind: str, offered: Sequence[str]) -> str:
    """Return the type of the list `offered` by the prompt that comes closest to `kind`."""
    if not offered:
        return kind
    synonyms = set(_SYNONYMS[kind].split())
    for name in offered:
        if set(re.split(r"[^\w]+", name.lower())) & synonyms:
            return name
    for name in offered:
        if name.lower() in _OTHERS:
            return name
    return offered[0]


def name_scores(words: Sequence[str]) -> Scores:
    """Points for each kind from the words of the name alone."""
    scores = dict.fromkeys(KINDS, 0.0)
    last, head = heads(words)
    lowered = [word.lower() for word in words]
    if lowered[-1].strip(".") in lexicon.COMPANY_ENDINGS and len(words) > 1:
        scores["organization"] += 8
    single = len(words) == 1
    # In "University of Hamburg" the head is the first word, in "Hamburg Harbour" the last.
    for word, points in ((head, 5.0), (last, 4.0)) if head != last else ((last, 5.0),):
        kind = kind_of_head(word)
        if kind and not (single and word in lexicon.ROLES):
            scores[kind] += points
    if lowered[0] in lexicon.GIVEN_NAMES:
        scores["person"] += 4 if len(words) > 1 else 3
    if lowered[0] in lexicon.ROYALS and lowered[0] not in ("st", "saint"):
        scores["person"] += 4
    if not single and lowered[0] in lexicon.PLACE_OPENERS:
        scores["geo"] += 2
    if not any(scores.values()) and any(kind_of_head(word) == "organization" for word in lowered):
        scores["organization"] += 3  # "Technische Hochschule Hannover"
    if lowered[-1] in lexicon.PLACES:
        scores["geo"] += 4 if single else 2
    _add_shape(scores, words, lowered)
    return scores


def _add_shape(scores: Scores, words: Sequence[str], lowered: Sequence[str]) -> None:
    last = lowered[-1]
    for kind, suffixes in lexicon.COMPOUND_SUFFIXES.items():
        if any(last.endswith(suffix) and len(last) > len(suffix) + 2 for suffix in suffixes):
            scores[kind] += 2.5 if kind != "event" else 3.5
    first = lowered[0]
    if len(words) > 1 and first.endswith(tuple(lexicon.COMPOUND_SUFFIXES["organization"])) and len(first) > 8:
        scores["organization"] += 2.5  # "Schifffahrtsamt Tönning"
    if last.endswith(lexicon.SURNAME_SUFFIXES) and len(last) > 5:
        scores["person"] += 1.5
    if len(words) == 1 and any(char.isupper() for char in words[0].partition("-")[0][1:]):
        scores["organization"] += 2.5  # "UNESCO", "NetApp"
    if len(words) > 1 and len(words[0].strip(".")) == 1:
        scores["person"] += 3  # "J. Krohn"
    if 2 <= len(words) <= 3 and all(word[0].isupper() and not word.isupper() for word in words):
        scores["person"] += 1


def context_scores(phrase: Phrase, words: Sequence[Word]) -> Scores:
    """Points for each kind from what stands around one mention of the name."""
    scores = dict.fromkeys(KINDS, 0.0)
    if phrase.titled:
        scores["person"] += 5
    before = words[phrase.start - 1].text.lower() if phrase.start and "," not in words[phrase.start].gap else ""
    after = words[phrase.end] if phrase.end < len(words) else None
    if before in lexicon.GEO_PREPOSITIONS:
        scores["geo"] += lexicon.GEO_PREPOSITIONS[before]
    _add_noun(scores, before, 3.0)
    if before in ("of", "de", "d'", "d’", "von", "du") and phrase.start > 1:
        noun = words[phrase.start - 2].text.lower()
        near = noun in lexicon.PLACE_NOUNS or noun in lexicon.DIRECTIONS
        scores["geo"] += 3.0 if near else 0.3
    if before in lexicon.SPEECH_VERBS:
        scores["person"] += 2
    if before == "the" or before in ("der", "die", "das", "dem", "den", "la", "le", "l'", "l’"):
        scores["person"] -= 1.5
        scores["geo"] += 0.2 if len(phrase.words) == 1 else 0.0  # "the Elbe"
    if after is not None:
        if after.gap == " " and after.text in lexicon.PERSON_VERBS:
            scores["person"] += 3
        if words[phrase.end - 1].possessive and after.text in lexicon.ROLES:
            scores["person"] += 2
        if after.gap == ", ":
            _add_apposition(scores, words, phrase.end)
        if after.gap == " " and after.text in ("is", "was", "ist", "war", "est", "était", "on", "oli"):
            _add_apposition(scores, words, phrase.end + 1)
    return scores


def _add_apposition(scores: Scores, words: Sequence[Word], at: int) -> None:
    """ "…, a port on the Baltic", "…, the chief engineer of …": the first noun that says what it is."""
    articles = ("a", "an", "the", "ein", "eine", "der", "die", "das", "un", "une", "le", "la", "l'", "l’")
    if at >= len(words) or words[at].text not in articles:
        return
    for word in words[at + 1 : at + 1 + _APPOSITION_WORDS]:
        if any(mark in word.gap for mark in ",.;:–—"):
            return
        if _add_noun(scores, word.text.lower(), 3.0):
            return
        if word.text in ("of", "in", "von", "de", "du", "who", "which", "that"):
            return


def _add_noun(scores: Scores, noun: str, points: float) -> bool:
    for kind, nouns in (
        ("person", lexicon.ROLES),
        ("geo", lexicon.PLACE_NOUNS),
        ("organization", lexicon.GROUP_NOUNS),
    ):
        if noun in nouns:
            scores[kind] += points
            return True
    return False


def best_kind(scores: Scores) -> str:
    """Return the kind with the most points; a name about which nothing is known passes for an organisation."""
    best = max(KINDS, key=lambda kind: scores[kind])
    return best if scores[best] > 0 else "organization"
