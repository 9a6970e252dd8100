"""Function words of English, German, French and Finnish, and which of these languages a text is in."""

from collections.abc import Iterable

from fileintel.builtin_model.wordlists import word_lists
from fileintel.sentence_ends import MONTHS

_LISTS = {name: frozenset(words) for name, words in word_lists("function_words").items()}
ENGLISH, GERMAN, FRENCH, FINNISH = (_LISTS[name] for name in ("english", "german", "french", "finnish"))
LANGUAGES: dict[str, frozenset[str]] = {"en": ENGLISH, "de": GERMAN, "fr": FRENCH, "fi": FINNISH}
STOPWORDS = ENGLISH | GERMAN | FRENCH | FINNISH
CALENDAR = MONTHS | _LISTS["calendar"]  # capitalised in English and German, and never a name alone


def language_of(words: Iterable[str]) -> str:
    """Return the code of the language whose function words are the most frequent among the lower-case `words`."""
    counts = dict.fromkeys(LANGUAGES, 0)
    for word in words:
        if word in STOPWORDS:
            for code, listed in LANGUAGES.items():
                if word in listed:
                    counts[code] += 1
    return max(counts, key=lambda code: counts[code])  # the first of equals: English
