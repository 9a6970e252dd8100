"""Citations as people read them: each passage once, with all the ids that lead to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Quote:
    """A stretch of a document that an answer cites under these ids."""

    ids: tuple[str, ...]
    citation: Mapping[str, Any]

    def line(self, *, with_span: bool = False) -> str:
        """All of it in a line; `with_span` adds its characters in the document."""
        one = self.citation
        label = one["page_label"]
        page = f"{one['page']} ({label})" if label and label != str(one["page"]) else one["page"]
        span = f", characters {one['start']}-{one['end']}" if with_span else ""
        quote = " ".join(str(one["quote"]).split())
        return f"[{', '.join(self.ids)}] {one['document']}, page {page}{span}: “{quote}”"


def quotes(citations: Sequence[Mapping[str, Any]], *, nearest_only: bool) -> list[Quote]:
    """The passages behind the citations of a reply, in their order.

    Parameters:
      nearest_only: of several behind one id only the first, which is enough to read on.
    """
    seen: set[str] = set()
    found: dict[tuple[object, ...], tuple[list[str], Mapping[str, Any]]] = {}
    for citation in citations:
        identity = str(citation["id"])
        if nearest_only and identity in seen:
            continue
        seen.add(identity)
        place = (citation["document_id"], citation["start"], citation["end"])
        ids, _ = found.setdefault(place, ([], citation))
        if identity not in ids:
            ids.append(identity)
    return [Quote(tuple(ids), citation) for ids, citation in found.values()]
