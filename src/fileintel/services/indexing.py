"""The request for an index, as the command line makes it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fileintel.runs.index_request import IndexRequest


def index_request(collection: str, **options: Any) -> "IndexRequest":
    """Make the request for an index of options whose types the command line has checked. A name that no collection can
    have is simply not found."""
    from fileintel.runs.index_request import IndexRequest

    return IndexRequest.model_construct(collection=collection, **options)
