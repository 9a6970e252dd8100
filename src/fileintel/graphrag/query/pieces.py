"""The pieces of a question's context: each with a short id that the answer may cite."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from fileintel.graphrag.tables import row, section
from fileintel.storage.context_rows import Unit

REPORTS, ENTITIES, RELATIONSHIPS, SOURCES = "Reports", "Entities", "Relationships", "Sources"
COLUMNS = {
    REPORTS: ("id", "title", "content"),
    ENTITIES: ("id", "title", "type", "description"),
    RELATIONSHIPS: ("id", "source", "target", "description", "weight"),
    SOURCES: ("id", "document", "pages", "text"),
}
LONGEST_TOKEN = 8  # characters of a token on average, at most; what has more is counted
SHORTEST_TOKEN = 2  # characters of a token in a file's name, on average, at least
SOURCE_TOKENS = 12  # in a row of a passage besides its text and the document's name: id, pages, commas, quotes


@dataclass(frozen=True)
class Piece:
    """One row of a context; the first letter of its id says what it is.

    `origin` leads to the passages that it rests on: the id of the text unit, the entity or the relationship, or the
    number of the community that a report is on. `tokens` of the row, where they are known: rows are counted else.
    """

    id: str
    fields: tuple[object, ...]
    origin: str
    tokens: int | None = None

    @cached_property
    def line(self) -> str:
        """The row, as the model sees it."""
        return row(self.id, *self.fields)


@dataclass
class Pieces:
    """The rows of a context by section, within a budget of tokens."""

    sections: dict[str, list[Piece]] = field(default_factory=dict)

    def fill(self, name: str, pieces: Iterable[Piece], max_tokens: int, count_tokens: Callable[[str], int]) -> int:
        """Take pieces in order while they fit; returns the tokens used."""
        used = count_tokens(section(name, COLUMNS[name], [""]))
        taken: list[Piece] = []
        for piece in pieces:
            tokens = (count_tokens(piece.line) if piece.tokens is None else piece.tokens) + 1
            if used + tokens > max_tokens:
                break
            taken.append(piece)
            used += tokens
        if not taken:
            return 0
        self.sections[name] = taken
        return used

    def text(self, order: Sequence[str] = (REPORTS, ENTITIES, RELATIONSHIPS, SOURCES)) -> str:
        """The tables, as the model sees them."""
        present = [name for name in order if name in self.sections]
        tables = (section(name, COLUMNS[name], (piece.line for piece in self.sections[name])) for name in present)
        return "\n".join(tables).strip()

    def by_id(self) -> dict[str, Piece]:
        """All pieces, by the id that an answer cites."""
        return {piece.id: piece for pieces in self.sections.values() for piece in pieces}


def report(number: int, title: str, content: str) -> Piece:
    """The piece of a community report, which answers cite as R and the community's number."""
    return Piece(f"R{number}", (title, content), str(number))


def source(number: int, document: str, first_page: int, last_page: int, text: str, text_unit_id: str) -> Piece:
    """The piece of a passage, which answers cite as S and its number."""
    pages = str(first_page) if first_page == last_page else f"{first_page}-{last_page}"
    return Piece(f"S{number}", (document, pages, text), text_unit_id)


def source_of(unit: Unit) -> Piece:
    """The piece of a text unit. Its tokens were counted when it was cut; in a row they are about as many, with a quote
    more for each quote."""
    piece = source(unit.number, unit.name, unit.first_page, unit.last_page, unit.text, unit.id)
    is_plausible = len(unit.text) <= LONGEST_TOKEN * unit.n_tokens  # an imported index may say something else
    if not is_plausible:
        return piece
    beside = SOURCE_TOKENS + len(unit.name) // SHORTEST_TOKEN
    return replace(piece, tokens=unit.n_tokens + unit.text.count('"') + beside)
