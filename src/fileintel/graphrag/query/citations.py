"""Citations: each id in an answer is checked against the context and led back to a page.

Ids that were not in the context are taken out of the answer and counted.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session

from fileintel.graphrag.contexts.shortening import natural_end
from fileintel.graphrag.query.pieces import Piece
from fileintel.sentence_ends import sentence_ends
from fileintel.storage import context_rows, search
from fileintel.storage.context_rows import Cited, Kind, Unit

PASSAGES_FOR_DERIVED = 2  # how many passages stand behind a cited report, entity or relationship
PASSAGES_COMPARED = 6  # of those that it rests on, the nearest to the question, are compared with what cites it
LONGEST_QUOTE = 300  # characters
_DERIVED: dict[str, Kind] = {"E": "entity", "L": "relationship", "R": "community"}  # by the letter of their ids

_GROUP = re.compile(r"\s?\[((?:[A-Z]\d+)(?:\s*[,;]\s*[A-Z]\d+)*)\]")
_ID = re.compile(r"[A-Z]\d+")
_WORD = re.compile(r"\w{3,}")
_BRACKETS = re.compile(r"\[[^\[\]]*\]")


@dataclass(frozen=True)
class Citation:
    """Where a cited piece comes from: characters `start` to `end` of a document, on `page`, reading `quote`."""

    id: str
    document_id: str
    document: str
    title: str
    page: int
    page_label: str | None
    start: int
    end: int
    quote: str


@dataclass(frozen=True)
class Checked:
    """An answer with only the citations that its context bears out; `unknown` counts the others."""

    text: str
    cited: tuple[str, ...]
    unknown: int


def check(answer: str, known: Callable[[str], bool]) -> Checked:
    """Take ids out of the answer that were not in its context."""
    checked = check_part(answer, known)
    return Checked(checked.text.strip(), checked.cited, checked.unknown)


def check_part(text: str, known: Callable[[str], bool]) -> Checked:
    """Take unknown ids out of a part of an answer; spaces at both of its ends stay."""
    cited: dict[str, None] = {}
    unknown = 0

    def keep(match: re.Match[str]) -> str:
        nonlocal unknown
        ids = _ID.findall(match.group(1))
        good = [identity for identity in ids if known(identity)]
        unknown += len(ids) - len(good)
        cited.update(dict.fromkeys(good))
        space = " " if match.group(0).startswith((" ", "\n")) else ""
        return f"{space}[{', '.join(dict.fromkeys(good))}]" if good else ""

    return Checked(_GROUP.sub(keep, text), tuple(cited), unknown)


class Span(Protocol):
    """A stretch of a document's text that begins at character `start`, on page `first_page`."""

    @property
    def document_id(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def first_page(self) -> int: ...
    @property
    def text(self) -> str: ...


class Named(Protocol):
    """A document, as far as citations name it."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...


class Resolver:
    """Leads cited ids to passages of one index version.

    Parameters:
      vector: of the question; of several passages behind a piece, the nearest to it are taken.
      near: the passages of the whole index that are nearest to it, in order, as far as they are known.
    """

    def __init__(self, session: Session, version_id: str, vector: Sequence[float], near: Sequence[str] = ()) -> None:
        self._session = session
        self._version_id = version_id
        self._vector = vector
        self._near = near

    def resolve(self, answer: str, cited: Sequence[str], pieces: Mapping[str, Piece]) -> list[Citation]:
        """The passages behind the cited ids, in the order of the citations, each with the sentence that fits best."""
        words = citing_words(answer)
        found = self._passages(cited, pieces, PASSAGES_COMPARED)
        behind = [(id_, unit) for id_, units in found.items() for unit in best_units(units, words[id_])]
        return self._citations([(id_, unit, *best_sentence(unit.text, words[id_])) for id_, unit in behind])

    def all_behind(self, pieces: Mapping[str, Piece]) -> list[Citation]:
        """The passages that pieces are, or rest on, whole, each once, in the order of the pieces."""
        first: dict[str, tuple[str, Unit]] = {}
        for identity, units in self._passages(list(pieces), pieces, PASSAGES_FOR_DERIVED).items():
            for unit in units:
                first.setdefault(unit.id, (identity, unit))
        return self._citations([(identity, unit, 0, len(unit.text)) for identity, unit in first.values()])

    def _passages(self, cited: Sequence[str], pieces: Mapping[str, Piece], most: int) -> dict[str, list[Unit]]:
        """The passages behind each id, read together; of a piece that rests on many, the `most` nearest to the
        question."""
        ids = {identity: [pieces[identity].origin] for identity in cited}
        derived = [identity for identity in cited if identity[0] in _DERIVED]
        resting = [Cited(_DERIVED[identity[0]], pieces[identity].origin) for identity in derived]
        behind = context_rows.units_behind(self._session, self._version_id, self._vector, resting, most, self._near)
        ids.update(zip(derived, behind, strict=True))
        wanted = list(dict.fromkeys(id_ for some in ids.values() for id_ in some))
        units = {unit.id: unit for unit in context_rows.units(self._session, self._version_id, wanted)}
        return {identity: [units[id_] for id_ in some if id_ in units] for identity, some in ids.items()}

    def _citations(self, found: Sequence[tuple[str, Unit, int, int]]) -> list[Citation]:
        """Stretches of passages, from one character to another, as citations."""
        pages = search.pages_at(self._session, [(unit.document_id, unit.start + begin) for _, unit, begin, _ in found])
        return [
            _citation(identity, unit, unit, begin, end, page)
            for (identity, unit, begin, end), page in zip(found, pages, strict=True)
        ]


def best_units(units: Sequence[Unit], words: set[str]) -> list[Unit]:
    """The passages that share the most words with a statement; of equals the first."""
    if len(units) <= PASSAGES_FOR_DERIVED:
        return list(units)
    shared = {unit.id: sum(word in lowered for word in words) for unit in units for lowered in (unit.text.lower(),)}
    return sorted(units, key=lambda unit: -shared[unit.id])[:PASSAGES_FOR_DERIVED]


def cite(session: Session, identity: str, statement: set[str], passage: Span, document: Named) -> Citation:
    """The sentence of a passage that bears out a statement (given as its words) best, with the page it stands on."""
    begin, end = best_sentence(passage.text, statement)
    page = search.page_at(session, passage.document_id, passage.start + begin)
    return _citation(identity, passage, document, begin, end, (page.number, page.label) if page else None)


def _citation(
    identity: str, passage: Span, document: Named, begin: int, end: int, page: tuple[int, str | None] | None
) -> Citation:
    return Citation(
        id=identity,
        document_id=passage.document_id,
        document=document.name,
        title=document.title,
        page=page[0] if page else passage.first_page,
        page_label=page[1] if page else None,
        start=passage.start + begin,
        end=passage.start + end,
        quote=passage.text[begin:end],
    )


def best_sentence(text: str, words: set[str]) -> tuple[int, int]:
    """The span of the sentence that shares the most words with a statement; the earliest of equals."""
    best, best_score = (0, 0), 0.0
    lowered = text.lower()
    if len(lowered) != len(text):  # a few letters have no lower-case one of their own
        lowered = text
    start = 0
    for end in (*sentence_ends(text), len(text)):
        sentence = lowered[start:end]
        if any(word in sentence for word in words):  # which is seen sooner than what its words are
            own = set(_WORD.findall(sentence))
            score = len(own & words) / (len(own) + 5) ** 0.5  # long sentences share words by chance
            if score > best_score:
                best, best_score = (start, end), score
        start = end
    if not best_score:
        return 0, natural_end(text, LONGEST_QUOTE)
    begin, end = best
    first = end - len(text[begin:end].lstrip())
    return first, first + natural_end(text[first:end], LONGEST_QUOTE)


def citing_words(answer: str) -> Mapping[str, set[str]]:
    """For each id that is cited, the words of the sentences that cite it."""
    words: dict[str, set[str]] = defaultdict(set)
    own: set[str] = set()
    end = 0
    ends = [0, *sentence_ends(_BRACKETS.sub(lambda match: " " * len(match.group()), answer))]
    for match in _BRACKETS.finditer(answer):
        if not end or answer[end : match.start()].strip():  # else it goes on with what the last one cites for
            before = answer[: match.start()].rstrip()
            begin = ends[bisect_left(ends, len(before)) - 1] if before else 0
            own = _words(before[max(begin, before.rfind("\n")) :])
        end = match.end()
        for identity in _ID.findall(match.group()):
            words[identity] |= own
    return words


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}
