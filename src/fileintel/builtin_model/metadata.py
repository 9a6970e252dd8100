"""Metadata out of the beginning of a document: what stands in its first lines, and what it speaks of most."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from fileintel.builtin_model import entities, lexicon, prose, ranking
from fileintel.builtin_model.dates import dates
from fileintel.builtin_model.phrases import kind_of_head
from fileintel.builtin_model.sentences import stem, tidy
from fileintel.builtin_model.stopwords import STOPWORDS, language_of
from fileintel.builtin_model.wordlists import word_lists, word_set
from fileintel.sentence_ends import MONTHS

HEAD_LINES, HEAD_LENGTH = 5, 900  # lines and characters behind the title in which authors and dates are looked for
LONGEST_TITLE = 200  # characters
FEWEST_WORDS = 12  # from which on function words tell the language
SUMMARY_SENTENCES, SUMMARY_LENGTH = 3, 700  # characters
NAMES_AMONG_KEYWORDS, KEYWORDS = 4, 8
SHORTEST_KEYWORD = 5  # letters

# The word of these that comes first in the title, or else in the first lines, tells the type.
_TYPE_OF = {cue: kind for kind, cues in word_lists("document_types").items() for cue in cues}
_EARLIEST = 1400  # year; before it there are no documents that say when they were written
_LONE_YEAR = re.compile(r"(?<![\d–—-])\b(?P<year>1[4-9]\d\d|20\d\d)\b(?![–—-]|\d)")

_INITIAL = r"[^\W\d_]\.(?:-[^\W\d_]\.)?"
_WORD = r"[^\W\d_a-zà-öø-ÿ][^\W\d_]+(?:[-’'][^\W\d_]+)*"
_PART = rf"(?:(?:Drs?|Profs?|Mrs?|Ms|St)\.|{_WORD}|{_INITIAL})"
_NAME = rf"{_PART}(?:[ ](?:(?:de|von|van|der|den|di|du|la|le|zu|af)[ ])?{_PART}){{0,5}}"
_AND = r"\s*(?:,|;|&|\band\b|\bund\b|\bet\b|\bja\b)\s*"
_BYLINE = re.compile(
    r"(?:\b(?i:by|von|par)\s+|\b(?i:authors?|text|interviewer|editors?|autor(?:in|en)?|verfasser(?:in)?|auteurs?|"
    rf"kirjoittajat?|from)\s*:\s*)(?P<names>{_NAME}(?:{_AND}{_NAME})*)"
)
_EXACT_NAME = re.compile(_NAME)
_BETWEEN_NAMES = re.compile(_AND)
_RULE = re.compile(r"\s*[=\-_*~]{3,}\s*")
_NUMBERED = re.compile(r"\s*(?:\d+(?:\.\d+)+|[IVX]+\.|§\s*\d+\.?|\d+\.)\s+\S")
_PLAIN = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_SAYING_LITTLE = STOPWORDS | MONTHS | lexicon.PERSON_VERBS | word_set("found years chapter given taken called leave")


@dataclass(frozen=True, slots=True)
class _Head:
    """The title, and the paragraphs of the lines behind it that still belong to the top of the document."""

    title: str
    paragraphs: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.paragraphs)


def metadata(text: str) -> str:
    """Title, authors, date, language, type, abstract and keywords of a document, as a JSON object."""
    head = _head(text)
    body = tidy(text)
    words = _PLAIN.findall(body.lower())
    language = language_of(words) if len(words) >= FEWEST_WORDS else ""
    found = [one for one in ranking.statements(prose.plain(text)) if head.title not in one.text]
    answer = {
        "title": head.title,
        "authors": _authors(head),
        "date": _date(head),
        "language": language,
        "document_type": _type(head),
        "abstract": ranking.summary(found, SUMMARY_SENTENCES, SUMMARY_LENGTH),
        "keywords": _keywords(text),
    }
    return json.dumps(answer, ensure_ascii=False, indent=1)


def _head(text: str) -> _Head:
    lines = iter(text.replace("\r\n", "\n").split("\n"))
    title = next((clean for line in lines if (clean := _clean(line)) and any(map(str.isalpha, clean))), "")
    rest = list(lines)
    while rest and _ends_within(title) and _clean(rest[0]):  # a title of two lines: "… into the | October Flood"
        title = f"{title} {_clean(rest.pop(0))}"
    return _Head(title[:LONGEST_TITLE].rstrip(" :;,"), tuple(_paragraphs(rest)))


def _paragraphs(lines: list[str]) -> Iterator[str]:
    """Yield what stands between the title and the next heading, as far as it can be about the document itself."""
    paragraph: list[str] = []
    taken = length = 0
    for line, following in pairwise([*lines, ""]):
        if taken == HEAD_LINES or length > HEAD_LENGTH or _is_heading(line, following):
            break
        clean = _clean(line)
        if clean:
            paragraph.append(clean)
            taken, length = taken + 1, length + len(clean)
        elif paragraph:
            yield "\n".join(paragraph)
            paragraph = []
    if paragraph:
        yield "\n".join(paragraph)


def _is_heading(line: str, following: str) -> bool:
    if line.lstrip().startswith("#") or _NUMBERED.match(line):
        return True
    return bool(line.strip() and not _RULE.fullmatch(line) and _RULE.fullmatch(following))


def _clean(line: str) -> str:
    if _RULE.fullmatch(line):
        return ""
    return " ".join(tidy(line).strip().lstrip("#>-•|").strip(" |").split())


def _ends_within(title: str) -> bool:
    last = title.rsplit(None, 1)[-1:]
    return bool(last) and len(title) < LONGEST_TITLE and last[0].lower() in STOPWORDS


def _authors(head: _Head) -> list[str]:
    """Names behind "by" and its like; or else a line that is nothing but names."""
    found: dict[str, None] = {}
    for match in _BYLINE.finditer(head.text):
        for part in _BETWEEN_NAMES.split(match.group("names")):
            name = _person(part)
            if name is None:
                break  # "by Anna Berg, Curator": what follows a name need not be one
            found[name] = None
    if not found:
        first = head.text.partition("\n")[0]
        names = [_person(part) for part in _BETWEEN_NAMES.split(first)]
        if names and all(name and name.split()[0].lower() in lexicon.GIVEN_NAMES for name in names):
            found = dict.fromkeys(name for name in names if name)
    return list(found)


def _person(part: str) -> str | None:
    """Return a person's name without titles; None if it is not one of two words or more."""
    if not _EXACT_NAME.fullmatch(part):
        return None
    words = part.split()
    titled = words[0].lower().rstrip(".") in lexicon.TITLES
    while words and words[0].lower().rstrip(".") in lexicon.TITLES:
        words.pop(0)
    lowered = [word.lower() for word in words]
    if len(words) < 2 or not words[-1][0].isupper() or any(word in MONTHS for word in lowered):
        return None
    sure = titled or lowered[0] in lexicon.GIVEN_NAMES  # "Anna Berg", who is no mountain
    other = lowered[0] in STOPWORDS or kind_of_head(lowered[-1]) or kind_of_head(lowered[0])
    return " ".join(words) if sure or not other else None


def _date(head: _Head) -> str:
    """A whole date before a month, a month before a year; of years the last, because the others are told about. A year
    in the title is mostly that of an event."""
    for paragraph in (head.title, *head.paragraphs):
        for date in dates(paragraph):
            if date.year >= _EARLIEST and "ssa " not in date.text:  # Finnish for "in March 1904", which is told about
                return f"{date.year}-{date.month:02}" + (f"-{date.day:02}" if date.day else "")
        years = [match.group("year") for match in _LONE_YEAR.finditer(paragraph)]
        if years and paragraph is not head.title:
            return max(years)
    return ""


def _type(head: _Head) -> str:
    for text in (head.title, head.text):
        for word in _PLAIN.findall(text.lower()):
            if word in _TYPE_OF:
                return _TYPE_OF[word]
    return ""


def _keywords(text: str) -> list[str]:
    """Return the names and the words that occur most; names first, because people look for them."""
    reading = entities.read(text)
    named = sorted(reading.entities, key=lambda entity: (-len(entity.mentions), entity.mentions[0].sentence))
    names = [entity.name for entity in named if len(entity.mentions) > 1 and len(entity.name) > 2][
        :NAMES_AMONG_KEYWORDS
    ]
    within = {stem(word) for entity in named for word in _PLAIN.findall(entity.name.lower())}
    forms: dict[str, Counter[str]] = {}
    for word in _PLAIN.findall(tidy(text)):
        lowered = word.lower()
        if len(lowered) >= SHORTEST_KEYWORD and lowered not in _SAYING_LITTLE and "-" not in lowered:
            forms.setdefault(stem(lowered), Counter())[lowered] += 1
    frequent = sorted(
        ((-counted.total(), counted.most_common(1)[0][0]) for base, counted in forms.items() if base not in within)
    )
    words = [word for count, word in frequent if count < -1]
    return [*names, *words[: KEYWORDS - len(names)]]
