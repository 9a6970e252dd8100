"""Running heads and page numbers, which belong to the page and stand in the middle of its sentences."""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from fileintel.documents.document import RawPage

EDGE = 2  # lines at the top and at the bottom of a page that may be running ones
AROUND = 4  # pages before and behind one that are looked at; heads of left and right pages alternate
LEAST = 3  # pages with the same line
DIGITS = re.compile(r"\d+")
PAGE_WORDS = re.compile(r"(?:page|seite|pagina|página|s\.|p\.|pp\.|of|von|de|di|sur|av|#|[-–—|/.·\[\]()\s])*", re.I)
Edges = dict[int, tuple[str, str]]  # number of a line from the top, or below zero from the bottom → it, what it says


def without_running_heads(pages: Iterable[RawPage]) -> Iterator[RawPage]:
    """The pages without the lines that recur, but for their numbers, at the same place of their neighbours.

    Where such a line is found first it stays, unless it is a page number. A page is never left empty.
    """
    seen: set[str] = set()
    window: deque[tuple[int, RawPage, Edges]] = deque()  # the page that is due is at most AROUND from each
    done = 0
    for number, page in enumerate(pages):
        window.append((number, page, _edges(page.text)))
        if number - done >= AROUND:
            yield _stripped(window, done, seen)
            done += 1
            if done - window[0][0] > AROUND:
                window.popleft()
    while window and done <= window[-1][0]:
        yield _stripped(window, done, seen)
        done += 1


def _edges(text: str) -> Edges:
    lines = text.splitlines()
    if len(lines) < 2:
        return {}
    places = [*enumerate(lines[:EDGE]), *((-n, line) for n, line in enumerate(reversed(lines[-EDGE:]), start=1))]
    return {place: (line, _said(line)) for place, line in places}


def _said(line: str) -> str:
    return DIGITS.sub("#", " ".join(line.split())).casefold()


def _stripped(window: deque[tuple[int, RawPage, Edges]], due: int, seen: set[str]) -> RawPage:
    page, edges = next((page, edges) for number, page, edges in window if number == due)
    lines = page.text.splitlines(keepends=True)
    gone: set[int] = set()
    for place in _from_the_edge(edges):
        line, said = edges[place]
        inner = place - 1 if place > 0 else place + 1 if place < -1 else None
        outermost = inner is None or place == 0 or (inner % len(lines)) in gone
        if not said or not outermost or not _recurs(window, due, place, line, said):
            continue
        if PAGE_WORDS.fullmatch(said) or said in seen:
            gone.add(place % len(lines))
        else:
            seen.add(said)
    kept = [line for n, line in enumerate(lines) if n not in gone]
    if not gone or not "".join(kept).strip():
        return page
    return replace(page, text="".join(kept))


def _from_the_edge(edges: Edges) -> list[int]:
    return sorted(edges, key=lambda place: place if place >= 0 else -place - 1)


def _recurs(window: deque[tuple[int, RawPage, Edges]], due: int, place: int, line: str, said: str) -> bool:
    alike = [(number, edges[place][0]) for number, _, edges in window if place in edges and edges[place][1] == said]
    if PAGE_WORDS.fullmatch(said):
        # a number that does not count the pages is something else
        count = _first_number(line)
        alike = [(number, other) for number, other in alike if _first_number(other) - number == count - due]
    return len(alike) >= LEAST


def _first_number(line: str) -> int:
    found = DIGITS.search(line)
    return int(found.group()[:9]) if found else 0
