"""Citations: each id in an answer is checked against the context and led back to a page.

Ids that were not in the context are taken out of the answer and counted.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session

from fileintel.graphrag.query.pieces import Piece
from fileintel.storage import search
from fileintel.storage.models import IndexedDocument, TextUnit

PASSAGES_FOR_DERIVED = 2  # how many passages stand behind a cited report, entity or relationship
LONGEST_QUOTE = 300  # characters

_GROUP = re.compile(r"\s?\[((?:[A-Z]\d+)(?:\s*[,;]\s*[A-Z]\d+)*)\]")
_ID = re.compile(r"[A-Z]\d+")
_SENTENCE_END = re.compile(r"(?<=[.!?…][\"”’»)])\s+|(?<=[.!?…])\s+|\n{2,}")
_WORD = re.compile(r"\w{3,}")


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

    return Checked(_GROUP.sub(keep, answer), tuple(cited), unknown)


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
    """

    def __init__(self, session: Session, version_id: str, vector: Sequence[float]) -> None:
        self._session = session
        self._version_id = version_id
        self._vector = vector
        self._documents: dict[str, IndexedDocument] = search.documents(session, version_id)

    def resolve(self, answer: str, cited: Sequence[str], pieces: dict[str, Piece]) -> list[Citation]:
        """The passages behind the cited ids, in the order of the citations."""
        found: list[Citation] = []
        for identity in cited:
            statement = citing_words(answer, identity)
            for unit in self._passages(pieces[identity].text_unit_ids):
                found.append(cite(self._session, identity, statement, unit, self._documents[unit.document_id]))
        return found

    def _passages(self, ids: Sequence[str]) -> list[TextUnit]:
        if len(ids) > PASSAGES_FOR_DERIVED:
            near = search.nearest(
                self._session, self._version_id, "text_unit_text", self._vector, PASSAGES_FOR_DERIVED, among=ids
            )
            ids = [one.id for one in near] or ids[:PASSAGES_FOR_DERIVED]
        return search.text_units(self._session, self._version_id, ids)


def cite(session: Session, identity: str, statement: set[str], passage: Span, document: Named) -> Citation:
    """The sentence of a passage that bears out a statement (given as its words) best, with the page it stands on."""
    begin, end = best_sentence(passage.text, statement)
    page = search.page_at(session, passage.document_id, passage.start + begin)
    return Citation(
        id=identity,
        document_id=passage.document_id,
        document=document.name,
        title=document.title,
        page=page.number if page else passage.first_page,
        page_label=page.label if page else None,
        start=passage.start + begin,
        end=passage.start + end,
        quote=passage.text[begin:end],
    )


def best_sentence(text: str, words: set[str]) -> tuple[int, int]:
    """The span of the sentence that shares the most words with a statement; the earliest of equals."""
    best, best_score = (0, min(len(text), LONGEST_QUOTE)), 0.0
    start = 0
    for end in [*(match.start() for match in _SENTENCE_END.finditer(text)), len(text)]:
        own = _words(text[start:end])
        score = len(own & words) / (len(own) + 5) ** 0.5  # long sentences share words by chance
        if score > best_score:
            first = start + len(text[start:end]) - len(text[start:end].lstrip())
            best, best_score = (first, min(end, first + LONGEST_QUOTE)), score
        start = end
    return best


def citing_words(answer: str, identity: str) -> set[str]:
    """The words of the sentences that cite this id."""
    pattern = re.compile(rf"[^.!?\n]*[.!?]?\s*\[[^\[\]]*\b{identity}\b[^\[\]]*\]")
    return {word for match in pattern.finditer(answer) for word in _words(match.group())}


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}
