"""The context of a report as it was asked for, made again from the rows of a version."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from fileintel.graphrag.contexts.context import context_text, cut_fields
from fileintel.graphrag.tables import row
from fileintel.storage import graph_rows
from fileintel.storage.models import Community

Fields = Callable[[Any, "_Degrees"], Sequence[object]]

# for each kind of rows, what a context tells after their human-readable id
_FIELDS: Mapping[str, Fields] = {
    "reports": lambda r, _: (r.title, r.full_content),
    "sources": lambda u, degrees: (u.text, degrees.of(u.id)),
    "entities": lambda e, _: (e.title, e.type, e.description, e.degree),
    "claims": lambda c, _: (c.subject_id, c.object_id, c.type, c.status, c.description),
    "relationships": lambda r, _: (r.source, r.target, r.description, r.weight, r.combined_degree),
}


def stored_text(session: Session, community: Community) -> str:
    """The text that the model was given about a community, to the last character. It must have been asked."""
    assert community.context is not None
    rows = community.context["rows"]
    return context_text({kind: _lines(session, community, kind, _Degrees(session, community)) for kind in rows})


def _lines(session: Session, community: Community, kind: str, degrees: "_Degrees") -> Iterable[str]:
    assert community.context is not None
    numbers = community.context["rows"][kind]
    kept = community.context.get("cut", {}).get(kind, {})
    lines = {}
    for found, thing in graph_rows.numbered(session, community.version_id, kind, numbers).items():
        told = _FIELDS[kind](thing, degrees)
        lines[found] = row(found, *(cut_fields(kind, told, kept[str(found)]) if str(found) in kept else told))
    return [lines[number] for number in numbers]


class _Degrees:
    """How much text units count in a community: the degrees of the members that each one names, summed."""

    def __init__(self, session: Session, community: Community) -> None:
        self._session = session
        self._community = community
        self._degrees: dict[str, int] | None = None

    def of(self, text_unit_id: str) -> int:
        if self._degrees is None:
            self._degrees = graph_rows.text_unit_degrees(self._session, self._community)
        return self._degrees.get(text_unit_id, 0)
