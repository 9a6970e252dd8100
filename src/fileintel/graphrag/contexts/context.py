"""Report contexts: the rows that a report's question holds, how they are laid out, and what is kept of them.

The text of a context is made of its rows alone. That is why the ids of the rows are enough to show, long after,
the very text that a model was asked with: `Context.record` is what the index keeps of it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from fileintel.graphrag.contexts.shortening import CUT_MARK, natural_end
from fileintel.graphrag.model import Community, Entity, Relationship, Report
from fileintel.graphrag.tables import row, section
from fileintel.runtime import yield_to_hub

# the kinds of rows under the names that the model sees, in the order in which they stand in a context
SECTIONS = {
    "reports": ("Reports", ("id", "title", "content")),
    "sources": ("Sources", ("id", "text", "entity_degree")),
    "entities": ("Entities", ("id", "title", "type", "description", "degree")),
    "claims": ("Claims", ("id", "subject", "object", "type", "status", "description")),
    "relationships": ("Relationships", ("id", "source", "target", "description", "weight", "combined_degree")),
}

# which of the columns behind the id is a text of any length, that may be cut
_LONG_FIELD = {"sources": 0, "entities": 2, "claims": 4, "relationships": 2}
# Where not everything fits, no row takes more than this share of the budget: its text is cut, so that one long
# description does not keep out what it describes, nor everything else.
LONGEST_ROW_SHARE = 4  # a quarter
LESS = 0.9  # of a text that was still too long is tried next


@dataclass(frozen=True)
class Context:
    """The text of a report's question and what it holds.

    Parameters:
      tokens: those of the rows.
      rows: the human-readable ids of the rows by kind (a key of `SECTIONS`), in the order of the text; a report's is
        the number of its community.
      represented: by kind, how many of the community's rows are not there because a sub-community's report stands
        for them.
      left_out: by kind, how many there was no room for. Rows, represented and left out are all of the evidence.
      cut: by kind and id, how many characters of a row's text are there, where that is not all of it.
    """

    text: str
    tokens: int
    rows: Mapping[str, Sequence[int]]
    represented: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    cut: Mapping[str, Mapping[int, int]] = field(default_factory=dict)

    @property
    def reports(self) -> list[int]:
        """The numbers of the sub-communities whose reports are in it."""
        return list(self.rows.get("reports", ()))

    def record(self) -> dict[str, Any]:
        """All but the text, as JSON takes it."""
        return {
            "tokens": self.tokens,
            "rows": {kind: list(ids) for kind, ids in self.rows.items() if ids},
            "represented": {kind: count for kind, count in self.represented.items() if count},
            "left_out": {kind: count for kind, count in self.left_out.items() if count},
            "cut": {kind: {str(number): kept for number, kept in rows.items()} for kind, rows in self.cut.items()},
        }


class Contexts(Protocol):
    """Makes the contexts of communities out of one kind of evidence."""

    def waits_for(self, community: Community) -> Iterable[Entity | Relationship]:
        """The things whose descriptions must be there first."""

    @property
    def max_tokens(self) -> int:
        """The budget of one context."""

    def size(self, community: Community) -> int:
        """The tokens of all of the community's evidence."""

    def probable_size(self, community: Community) -> float:
        """About `size`, known before the descriptions are: good enough to tell what is to be asked first."""

    def whole(self, community: Community) -> Context | None:
        """The context with all of the community's evidence; None when it does not fit."""

    def reduced(self, community: Community, parts: Mapping[int, Community], reports: Mapping[int, Report]) -> Context:
        """The context of a community that does not fit: with reports in place of its largest children.

        `parts` are its children by number, `reports` those of their reports that exist. A report that is longer
        than what it stands for, or than the room, replaces nothing.
        """


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a context, with its human-readable id. `kept` counts the characters of a text that was cut."""

    number: int
    text: str
    tokens: int
    kept: int | None = None


class RowCounter:
    """Lays rows out and counts them."""

    def __init__(self, count_tokens: Callable[[str], int]) -> None:
        self._count_tokens = count_tokens

    def tokens(self, number: int, *fields: object) -> int:
        """The tokens of such a row."""
        return self._count_tokens(row(number, *fields)) + 1

    def __call__(self, number: int, *fields: object) -> Row:
        """The row of a thing with this number."""
        yield_to_hub()  # a community at the top has a million of them
        text = row(number, *fields)
        return Row(number, text, self._count_tokens(text) + 1)  # one more for the line's end

    def shortened(self, kind: str, whole: Row, fields: Sequence[object], max_tokens: int) -> Row:
        """The row of these fields with its text cut to `max_tokens` for all of it; `whole` itself where it is shorter,
        or could not be."""
        room = max_tokens - self(whole.number, *cut_fields(kind, fields, 0)).tokens
        if whole.tokens <= max_tokens or room <= 0:
            return whole
        text = str(fields[_LONG_FIELD[kind]])
        most = len(text) * room // whole.tokens  # about; fewer if that is still too much
        while kept := natural_end(text, most):
            cut = self(whole.number, *cut_fields(kind, fields, kept))
            if cut.tokens <= max_tokens:
                return replace(cut, kept=kept)
            most = int(kept * LESS)
        return whole

    def report(self, report: Report) -> Row:
        """The row of a sub-community's report."""
        return self(report.community.number, report.title, report.full_content)


def cut_fields(kind: str, fields: Sequence[object], kept: int) -> list[object]:
    """The fields of a row with only the first `kept` characters of its text, and a mark that says so."""
    place = _LONG_FIELD[kind]
    return [f"{str(one)[:kept]}{CUT_MARK}" if at == place else one for at, one in enumerate(fields)]


def context_text(rows: Mapping[str, Iterable[str]]) -> str:
    """The text of a context: the lines of each kind under its heading."""
    laid_out = (section(name, columns, rows.get(kind, ())) for kind, (name, columns) in SECTIONS.items())
    return "\n".join(part for part in laid_out if part).strip()


def context_of(
    rows: Mapping[str, Sequence[Row]],
    *,
    represented: Mapping[str, int] | None = None,
    left_out: Mapping[str, int] | None = None,
) -> Context:
    """The context that consists of these rows."""
    return Context(
        context_text({kind: [one.text for one in of_kind] for kind, of_kind in rows.items()}),
        sum(one.tokens for of_kind in rows.values() for one in of_kind),
        {kind: [one.number for one in of_kind] for kind, of_kind in rows.items()},
        represented or {},
        left_out or {},
        {
            kind: {one.number: one.kept for one in of_kind if one.kept is not None}
            for kind, of_kind in rows.items()
            if any(one.kept is not None for one in of_kind)
        },
    )
