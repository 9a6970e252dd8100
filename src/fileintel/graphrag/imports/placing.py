"""Where text units stand in their documents: upstream's tables do not say, and a citation has to lead to a page."""

from collections.abc import Iterable, Iterator

MOST_LINES_ABOVE = 20  # lines of metadata that upstream's `prepend_metadata` may have put in front of a text unit
REPLACED = "\ufffd"  # what upstream makes of a character that its chunks cut in two


def places(document: str, pieces: Iterable[str]) -> Iterator[tuple[int, bool]]:
    """For each piece, in order, where it begins in the document, in characters, and whether that is certain.

    A piece that is not in the document word for word is taken to begin where the one before it does.
    """
    reached = 0
    for piece in pieces:
        start = _find(document, piece, reached)
        if start is not None:
            yield start, True
            reached = start
        else:
            yield min(reached, len(document)), False


def _find(document: str, piece: str, reached: int) -> int | None:
    """Pieces overlap: the next one begins behind the beginning of the last, or, failing that, anywhere."""
    for above, body in _bodies(piece):
        for start in (reached, 0):
            found = document.find(body, start)
            if found >= 0:
                return max(0, found - above)
    return None


def _bodies(piece: str) -> Iterator[tuple[int, str]]:
    """The piece, and what is left of it without what upstream may have added; with the characters before that."""
    if not piece.strip():
        return
    yield 0, piece
    whole = piece.strip(REPLACED)
    yield len(piece) - len(piece.lstrip(REPLACED)), whole or piece
    above = 0
    for _ in range(MOST_LINES_ABOVE):
        above = piece.find("\n", above) + 1
        body = piece[above:].strip(REPLACED)
        if not above or not body.strip():
            return
        yield above, body
