"""Claims (covariates): sentences that say what an entity decided, or what happened to it on a date."""

import re
from typing import NamedTuple

from fileintel.builtin_model import prose
from fileintel.builtin_model.dates import dates
from fileintel.builtin_model.entities import read
from fileintel.builtin_model.relations import Statements
from fileintel.builtin_model.wordlists import word_lists

CLAIM_LIMIT = 12  # per text
NONE = "NONE"

_YEAR = re.compile(r"\b(?:1[0-9]{3}|20[0-9]{2})\b")
_LISTS = word_lists("claims")
_DOUBT = frozenset(_LISTS.pop("doubt"))
_TYPE_OF_VERB = {verb: kind for kind, verbs in _LISTS.items() for verb in verbs}


class Claim(NamedTuple):
    """The fields of one claim, in the order of the tuple."""

    subject: str
    object: str
    type: str
    status: str
    start: str
    end: str
    description: str
    source: str


def claims(text: str) -> list[Claim]:
    """Return the claims of `text` in its order; empty when no sentence has a name and a decision or a date."""
    statements = Statements(read(text))
    found: list[Claim] = []
    for at, entities in enumerate(statements.entities):
        named = [index for index in entities if statements.reading.entities[index].tier == 1]
        sentence = statements.reading.sentences[at].text
        kind, date = _kind(sentence), date_of(sentence)
        if not named or (kind is None and date is None) or prose.is_fragment(sentence):
            continue
        named.sort(key=lambda index: statements.reading.entities[index].kind not in ("person", "organization"))
        names = [prose.name_field(statements.reading.entities[index].name) for index in named]
        words = set(re.findall(r"\w+", sentence.lower()))
        found.append(
            Claim(
                names[0],
                names[1] if len(names) > 1 else NONE,
                kind or "DATED EVENT",
                "SUSPECTED" if words & _DOUBT else "TRUE",
                date or NONE,
                date or NONE,
                statements.text(at),
                prose.quote(sentence),
            )
        )
    return found[:CLAIM_LIMIT]


def _kind(sentence: str) -> str | None:
    for word in re.findall(r"\w+", sentence.lower()):
        if word in _TYPE_OF_VERB:
            return _TYPE_OF_VERB[word]
    return None


def date_of(sentence: str) -> str | None:
    """Return the first date of a sentence in ISO 8601 (a missing month or day counts as the first), or None."""
    date = min(dates(sentence), key=lambda date: date.start, default=None)
    if date is not None:
        return f"{date.year:04d}-{date.month:02d}-{date.day or 1:02d}T00:00:00"
    year = _YEAR.search(sentence)
    return f"{year.group()}-01-01T00:00:00" if year else None
