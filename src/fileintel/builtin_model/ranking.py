"""Choosing sentences: the central ones of a collection, without saying the same thing twice."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fileintel.builtin_model import prose
from fileintel.builtin_model.sentences import sentences, terms

REDUNDANT = 0.6  # share of the shorter sentence's words in common from which on two sentences say the same
CONSIDERED = 60  # best sentences that are compared with each other
SHORTEST, LONGEST = 30, 300  # characters of a sentence that reads well in a summary


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence with its stems, its weight (above 1: from an important place) and the id of where it stands."""

    text: str
    stems: frozenset[str]
    weight: float = 1.0
    origin: str = ""


def statements(text: str, weight: float = 1.0, origin: str = "") -> list[Statement]:
    """Return the sentences of `text` that say something, ready to be quoted."""
    found = []
    for sentence in sentences(text):
        if sentence.heading:
            continue
        quoted = prose.quote(sentence.text, LONGEST)
        stems = frozenset(terms(quoted))
        if len(stems) > 1:
            found.append(Statement(quoted, stems, weight * _fitness(sentence.text), origin))
    return found


def _fitness(sentence: str) -> float:
    fitness = 0.6 if prose.is_fragment(sentence) else 1.0
    if not SHORTEST <= len(sentence) <= LONGEST:
        fitness *= 0.7
    if prose.needs_context(sentence):
        fitness *= 0.7
    return fitness * 0.8 if sentence[0] in '"“„«‘' or "?" in sentence else fitness


def centrality(collection: Sequence[Statement]) -> list[float]:
    """For each statement how much it shares with the others, tempered by its length."""
    spread = Counter(stem for statement in collection for stem in sorted(statement.stems))
    shared = {stem: math.log1p(count - 1) for stem, count in spread.items()}
    scores = []
    for statement in collection:
        # Sorted, because sums of floats depend on the order, and the order of a set on the process.
        points = sum(sorted(shared[stem] for stem in statement.stems))
        digits = any(stem[0].isdigit() for stem in statement.stems)
        scores.append(statement.weight * (points + 0.5 * digits + 0.2) / (len(statement.stems) + 6) ** 0.7)
    return scores


def choose(
    collection: Sequence[Statement],
    scores: Sequence[float],
    limit: int,
    characters: int = 10_000,
) -> list[int]:
    """The indexes of up to `limit` statements, best first, none of them redundant, within a budget of characters."""
    order = sorted(range(len(collection)), key=lambda at: (-round(scores[at], 9), at))[:CONSIDERED]
    chosen: list[int] = []
    used = 0
    for at in order:
        statement = collection[at]
        if len(chosen) == limit:
            break
        if used + len(statement.text) > characters and chosen:
            continue
        if not any(same(statement, collection[other]) for other in chosen):
            chosen.append(at)
            used += len(statement.text)
    return chosen


def same(one: Statement, other: Statement) -> bool:
    """Two statements say the same, as far as their words can tell."""
    return len(one.stems & other.stems) >= REDUNDANT * min(len(one.stems), len(other.stems))


def summary(collection: Sequence[Statement], limit: int, characters: int) -> str:
    """Return the central statements, in the order of the collection."""
    chosen = choose(collection, centrality(collection), limit, characters)
    return " ".join(ended(collection[at].text) for at in sorted(chosen))


def ended(sentence: str) -> str:
    """`sentence` with a full stop if it ends without any mark."""
    closed = sentence.rstrip("\"'”’»“)]")[-1:] in tuple(".!?…")
    return sentence if closed else f"{sentence.rstrip(' ,;:–-')}."
