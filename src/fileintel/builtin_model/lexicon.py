"""Words that tell what a capitalised phrase stands for: titles, given names, heads of organisation names, places.

All lower-case, in `words/lexicon.txt`. "Heads" are nouns that name the kind of thing: the last word of "Harbour
Commission", the first of "Treaty of Tilsit". The lists are short on purpose: they only need to tip the balance where
the context is silent.
"""

from fileintel.builtin_model.wordlists import word_lists

_LISTS = word_lists("lexicon")
_SETS = {name: frozenset(words) for name, words in _LISTS.items()}

TITLES = _SETS["titles"]
ROYALS = _SETS["royals"]  # titles that belong to the name: "Queen Victoria", "Duke of York"
ROLES = _SETS["roles"]  # nouns for people beside a name: "the surveyor Jonas Krohn", "Ilse Brandt, an engineer"
SPEECH_VERBS = _SETS["speech verbs"]
PERSON_VERBS = SPEECH_VERBS | _SETS["person verbs"]
FEMALE_NAMES, MALE_NAMES = _SETS["female names"], _SETS["male names"]
GIVEN_NAMES = FEMALE_NAMES | MALE_NAMES

ORGANIZATION_HEADS = _SETS["organization heads"]
COMPANY_ENDINGS = _SETS["company endings"]  # that may follow a name: "Ltd", "GmbH"
GEO_HEADS = _SETS["geo heads"]
EVENT_HEADS = _SETS["event heads"]
# Endings of adjectives in names that go on in lower case in French: "Institut national".
FRENCH_ADJECTIVE_ENDINGS = _LISTS["french adjective endings"]
GERMAN_ROLE_ENDINGS = _LISTS["german role endings"]
# Last parts of German, English and Finnish compounds: "Hafenamt", "Hafenstraße", "Sturmflut".
COMPOUND_SUFFIXES = {kind: _LISTS[f"{kind} suffixes"] for kind in ("organization", "geo", "event")}
SURNAME_SUFFIXES = _LISTS["surname suffixes"]
PLACES = _SETS["places"]

# Capitalised words that are not a name when they stand alone: peoples, languages, parts of a book, generic nouns.
DEMONYMS = _SETS["demonyms"]
GENERIC = _SETS["generic"]
# German common nouns that stand without an article often enough to look like a name.
GERMAN_NOUNS = _SETS["german nouns"]
GERMAN_NOUN_ENDINGS = _LISTS["german noun endings"]
GERMAN_DETERMINERS = _SETS["german determiners"]
OPENERS = _SETS["openers"]  # English words that often open a sentence, and are in no other list
POINTERS = _SETS["pointers"]  # words that point back to the sentence before: "this", "they"
# Points for a place that the preposition before a name brings.
GEO_PREPOSITIONS = {
    "in": 2.0, "at": 2.0, "near": 2.0, "from": 1.0, "to": 0.5, "towards": 1.0, "toward": 1.0, "outside": 1.5,
    "around": 0.5, "through": 0.5, "across": 1.0, "between": 0.3,
    "nach": 1.5, "bei": 1.0, "aus": 1.5, "nahe": 1.5, "bis": 0.5,
    "à": 2.0, "en": 1.5, "vers": 1.0, "dans": 1.0, "près": 1.0,
}  # fmt: skip
PLACE_NOUNS = _SETS["place nouns"]
GROUP_NOUNS = _SETS["group nouns"]
DIRECTIONS = _SETS["directions"]
PLACE_OPENERS = _SETS["place openers"]  # that begin the name of a place: "San", "Upper"
