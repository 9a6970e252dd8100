"""Capitalised phrases of a sentence: "Ilse Brandt", "Institute for Hydrology", "Treaty of Tilsit", "Jeanne d'Arc"."""

from collections.abc import Sequence
from typing import NamedTuple

from fileintel.builtin_model import finnish, lexicon
from fileintel.builtin_model.sentences import Word
from fileintel.builtin_model.stopwords import CALENDAR, LANGUAGES
from fileintel.builtin_model.wordlists import word_set
from fileintel.sentence_ends import ABBREVIATIONS

LONGEST_NAME = 8  # words

# Function words that are part of names when they stand inside ("First National Bank", "Will Turner").
_SOFT = word_set("""
first last little other both down over under near well will mine even long next inside outside two three
""")
_NOBILITY = word_set("de von van der den di da del della la le zu ten ter bin ibn af d' d’")
_GERMAN_RIVERS = word_set("main oder rhein neckar elbe donau see inn ruhr weser saale")
_DIVIDED_SUBJECTS = word_set(
    "ministry department faculty institute college academy museum ministerium institut ministère"
)
_OWNERS_IN_NAMES = word_set("king queen prince women children people workers seamen mariners lloyd st st.")
_INFLECTING = word_set("der dem den des zur zum im vom beim am ins")
_QUOTES = '"“”„«»'
_ROMAN = word_set("ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi")


class Phrase(NamedTuple):
    """A capitalised phrase at one place of the text."""

    words: tuple[str, ...]
    surface: str
    sentence: int
    start: int  # index of its first word in the sentence
    end: int  # index after its last word
    initial: bool  # it opens the sentence, so its capital says nothing
    titled: bool  # "Dr", "Captain" stood before it


def heads(words: Sequence[str]) -> tuple[str, str]:
    """Return the two words that may name the kind of thing: the last word, and the one before the first connector.

    Without a connector both are the last word, or the first if only that one is a kind ("École polytechnique").
    """
    lowered = [word.lower() for word in words]
    while len(lowered) > 1 and (is_roman(lowered[-1]) or lowered[-1].isdigit()):
        lowered.pop()  # "World War II", "Expo 1900"
    for at, word in enumerate(lowered):
        if at and word in _CONNECTORS:
            kinds = [before for before in lowered[:at] if kind_of_head(before)]
            return lowered[-1], kinds[-1] if kinds else lowered[at - 1]
    if kind_of_head(lowered[-1]) is None and kind_of_head(lowered[0]) is not None:
        return lowered[-1], lowered[0]
    return lowered[-1], lowered[-1]


_CONNECTORS = _NOBILITY | word_set("of for on für du des and und et")


class Finder:
    """Finds the phrases of the sentences of one text, by the rules of the language that it is in."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._stop = LANGUAGES[language]

    def phrases(self, sentence: int, words: Sequence[Word]) -> list[Phrase]:
        """Return all phrases of one sentence, in order, not overlapping."""
        found: list[Phrase] = []
        at = 0
        while at < len(words):
            if any(mark in words[at].gap for mark in _QUOTES):
                at += self._quoted_title(words, at)
            if at >= len(words) or not self._opens(words, at):
                at += 1
                continue
            end = self._run(words, at)
            phrase = self._trim(sentence, words, at, end)
            if phrase:
                found.append(phrase)
            at = max(end, at + 1)
        return found

    def _quoted_title(self, words: Sequence[Word], start: int) -> int:
        """Return how many words the title of a work in quotation marks has that begins at `start`, else 0."""
        end = start + 1
        while end < len(words) and not any(mark in words[end].gap for mark in _QUOTES):
            end += 1
        span = [word.text for word in words[start:end]]
        content = [text for text in span if text.lower() not in self._stop]
        if not 2 < len(span) < 12 or end == len(words) or any(mark in words[end].gap[:1] for mark in ",.!?"):
            return 0
        titled = sum(text[0].isupper() for text in content) > 0.6 * len(content)
        return len(span) if titled and self.language != "de" else 0

    def _opens(self, words: Sequence[Word], at: int) -> bool:
        text = words[at].text
        if not text[0].isupper():
            return False
        lowered = text.lower()
        if len(text) == 1 and not (at + 1 < len(words) and words[at + 1].gap == ". "):
            return False  # "I", "M/S"; but "J. Krohn"
        if lowered not in self._stop:
            return not text.startswith(("I'", "I’"))
        return lowered in _SOFT and not is_initial(words, at) and self._follows(words, at)

    def _follows(self, words: Sequence[Word], at: int) -> bool:
        """Return whether a capitalised word comes right after the word at `at`."""
        return at + 1 < len(words) and self._joined(words, at + 1) and words[at + 1].text[0].isupper()

    def _joined(self, words: Sequence[Word], at: int) -> bool:
        """Return whether only a space, or an abbreviation's dot, stands between the word at `at` and the one before."""
        gap, before = words[at].gap, words[at - 1]
        if before.possessive:
            saint = at > 1 and words[at - 2].text.lower() in ("st", "saint")
            return gap == " " and (saint or before.text.lower() in _OWNERS_IN_NAMES)
        if gap in (" ", " & "):
            return True
        return gap == ". " and (len(before.text) == 1 or before.text.lower() in ABBREVIATIONS)

    def _run(self, words: Sequence[Word], start: int) -> int:
        """Return the index after the phrase that starts at `start`."""
        end = start + 1
        while end < len(words) and end - start < LONGEST_NAME:
            last = words[end - 1].text
            if end - start > 1 and (last.lower() in lexicon.COMPANY_ENDINGS or last.isdigit()):
                break
            if self.language == "fi" and finnish.ends_a_person([word.text for word in words[start:end]]):
                break
            if self._joined(words, end) and self._continues(words, end):
                end += 1
                continue
            beyond = self._connect(words, start, end)
            if beyond == end:
                beyond = self._lower_case_head(words, start, end)
            if beyond == end:
                break
            end = beyond
        return end

    def _continues(self, words: Sequence[Word], at: int) -> bool:
        text = words[at].text
        if not text[0].isupper() or text == "I":
            return False
        return text.lower() not in self._stop or (text.lower() in _SOFT and self._follows(words, at))

    def _connect(self, words: Sequence[Word], start: int, end: int) -> int:
        """Return the index after a connector and the capitalised word behind it, or `end` if they do not belong."""
        at = end
        while at < len(words) and at - end < 3 and words[at].text[0].islower() and words[at].gap in (" ", ""):
            at += 1
        if at == end or at >= len(words) or not words[at].text[0].isupper() or words[at].gap not in (" ", ""):
            return self._year(words, start, end)
        between = [word.text.lower() for word in words[end:at]]
        left = [word.text.lower() for word in words[start:end]]
        if words[end - 1].possessive or words[at].text.lower() in self._stop or words[at].text.lower() in CALENDAR:
            return end
        ok = self._connects(left, between, words, start, at)
        return at + 1 if ok else end

    def _year(self, words: Sequence[Word], start: int, end: int) -> int:
        """ "Flood of 1962", "Treaty of 1648": an event and its year are one name."""
        if end + 1 < len(words) and words[end - 1].text.lower() in lexicon.EVENT_HEADS:
            link, year = words[end].text.lower(), words[end + 1].text
            if link in ("of", "von", "de") and len(year) == 4 and year.isdigit() and words[end + 1].gap == " ":
                return end + 2
        return end

    def _connects(self, left: list[str], between: list[str], words: Sequence[Word], start: int, at: int) -> bool:
        right = words[at].text.lower()
        last, first = left[-1], left[0]
        named_kind = any(kind_of_head(word) for word in (last, first))
        if between in (["of"], ["of", "the"]):
            before = words[start - 1].text.lower() if start else ""
            if any(word in lexicon.TITLES for word in left) or first in lexicon.GIVEN_NAMES:
                return False
            lone = len(left) == 1 and before == "the" and len(between) == 1
            return named_kind or first in lexicon.ROYALS or lone
        if between in (["on"], ["on", "the"]):
            return kind_of_head(last) in ("organization", "event")
        if between in (["for"], ["for", "the"], ["für"], ["pour"], ["pour", "la"], ["pour", "le"]):
            return kind_of_head(last) == "organization"
        if between in (["and"], ["und"], ["et"]):
            single = not self._follows(words, at)
            return first in _DIVIDED_SUBJECTS and len(left) > 1 and single and right not in lexicon.GIVEN_NAMES
        if between in (["der"], ["des"]) and self.language == "de":
            plain = right in lexicon.GERMAN_NOUNS or right in lexicon.PLACE_NOUNS
            return kind_of_head(last) == "organization" and not plain
        if between in (["am"], ["an", "der"]):
            return right in _GERMAN_RIVERS
        if all(word in _NOBILITY or word in ("du", "des") for word in between):
            if self.language == "de" and between == ["den"]:
                return False  # an article: "der Jürgen Petersen den Turm zeigte"
            person = first in lexicon.GIVEN_NAMES or any(word in lexicon.TITLES for word in left)
            if person and self._follows(words, at):
                return False  # "Walter Hoskyns von der Thames Conservancy"
            return named_kind or person or first in lexicon.ROYALS
        return False

    def _lower_case_head(self, words: Sequence[Word], start: int, end: int) -> int:
        """French and Finnish names go on in lower case: "Commission du port", "Helsingin yliopisto"."""
        if end >= len(words) or words[end].gap != " " or not words[end].text[0].islower():
            return end
        following = words[end].text
        if self.language == "fi" and words[end - 1].text.endswith("n") and end - start == 1:
            return end + 1 if finnish_head(following) else end
        kinds = (kind_of_head(words[start].text.lower()), kind_of_head(words[end - 1].text.lower()))
        if self.language != "fr" or not {"organization", "event"}.intersection(kinds):
            return end
        if words[end - 1].text.islower() and not words[end - 1].text.endswith(lexicon.FRENCH_ADJECTIVE_ENDINGS):
            return end
        if following.endswith(lexicon.FRENCH_ADJECTIVE_ENDINGS) and following not in self._stop:
            return end + 1
        noun = end + 1
        if following == "de" and noun < len(words) and words[noun].text.lower() in ("la", "l'", "l’"):
            noun += 1
        if following in ("du", "de", "des", "d'", "d’") and noun < len(words):
            plain = words[noun].text.islower() and words[noun].text not in self._stop and words[noun].text.isalpha()
            return noun + 1 if plain else end
        return end

    def _trim(self, sentence: int, words: Sequence[Word], start: int, end: int) -> Phrase | None:
        """Return the phrase without titles, calendar words and connectors at its ends; None if nothing is left."""
        named = self._after_title(words, start, end)
        titled, initial = named > start, named == start and is_initial(words, start)
        start = named
        while start < end and self._falls_off(words[start].text):
            start, initial = start + 1, False
        while start < end and self._falls_off(words[end - 1].text):
            end -= 1
        if start >= end:
            return None
        texts = tuple(word.text for word in words[start:end])
        surface = _surface(words, start, end)
        if self.language == "de" and start and len(texts) > 1:
            base = _definite_form(texts[0], words[start - 1].text)
            surface, texts = base + surface[len(texts[0]) :], (base, *texts[1:])
        if self.language == "fi" and not texts[-1].islower():
            texts = tuple(map(finnish.basic_form, texts))
            surface = " ".join(texts) if " ".join(word.text for word in words[start:end]) == surface else surface
        elif self.language == "fi":
            base = finnish_head(texts[-1]) or texts[-1]
            surface, texts = surface[: len(surface) - len(texts[-1])] + base, (*texts[:-1], base)
        return Phrase(texts, surface, sentence, start, end, initial, titled)

    def _after_title(self, words: Sequence[Word], start: int, end: int) -> int:
        """Return where the name begins: behind the last title, unless a thing is named so ("Captain Cook Street")."""
        thing = self._named_after_a_person(words[end - 1].text.lower())
        for at in range(end - 2, start - 1, -1):
            person = not thing or words[at + 1].text.lower() in lexicon.GIVEN_NAMES
            title = words[at].text.lower() in lexicon.TITLES
            if person and (title or (self.language == "de" and is_german_role(words[at].text, end - at - 1))):
                return at + 1
        return start

    def _named_after_a_person(self, last: str) -> bool:
        return kind_of_head(last) is not None or last in ("hotel", "street", "award", "prize")

    def _falls_off(self, text: str) -> bool:
        lowered = text.lower()
        return lowered in CALENDAR or (lowered in self._stop and lowered not in _SOFT)


def _definite_form(adjective: str, before: str) -> str:
    """ "(an der) Technischen" Hochschule → "Technische", the form after "die", "der" and "das" alike."""
    if before.lower() in _INFLECTING and adjective.endswith("en") and len(adjective) > 6:
        return adjective if adjective.lower() in lexicon.PLACES else adjective[:-1]
    return adjective


def _surface(words: Sequence[Word], start: int, end: int) -> str:
    parts = [words[start].text]
    for at in range(start + 1, end):
        parts.append(("'s" if words[at - 1].possessive else "") + words[at].gap + words[at].text)
    return "".join(parts)


def is_initial(words: Sequence[Word], at: int) -> bool:
    """Return whether the word at `at` opens a sentence, a quotation or what follows a colon."""
    text = words[at].text
    if text.isupper() and 1 < len(text) < 7:
        return False  # an acronym has its capitals everywhere
    return at == 0 or any(mark in words[at].gap for mark in ':"“„«‘?!…—') or words[at].gap.endswith(" '")


def kind_of_head(word: str) -> str | None:
    """Return what a thing is whose name has `word` (lower case) as its head: organization, geo, event, or unknown."""
    if word in lexicon.ORGANIZATION_HEADS:
        return "organization"
    if word in lexicon.EVENT_HEADS:
        return "event"
    return "geo" if word in lexicon.GEO_HEADS else None


def finnish_head(word: str) -> str | None:
    """Return the base form of an inflected Finnish noun that can end a name: "yliopistossa" → "yliopisto"."""
    for kind in ("organization", "geo"):
        for suffix in lexicon.COMPOUND_SUFFIXES[kind]:
            at = word.find(suffix)
            if at >= 0 and len(word) - at - len(suffix) <= 4 and len(suffix) > 3:
                return word[: at + len(suffix)]
    return None


def is_german_role(word: str, words_behind: int) -> bool:
    """Return whether a German noun before a name says what the person is: "Baumeisterin", "des Fischers"; in front of a
    single word only what cannot be a surname itself."""
    lowered = word.lower()
    for bare in (lowered, lowered.removesuffix("in"), lowered.removesuffix("s"), lowered.removesuffix("es")):
        ending = next((role for role in lexicon.GERMAN_ROLE_ENDINGS if bare.endswith(role)), None)
        if ending is not None:
            return words_behind > 1 or len(bare) > len(ending) + 2 or lowered.endswith("in")
    return lowered in lexicon.ROLES and words_behind > 1


def is_roman(word: str) -> bool:
    """`word` is a Roman numeral, which cannot stand alone as a name."""
    return word.lower() in _ROMAN
