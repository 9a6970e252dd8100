"""Answers of the built-in model to every passage of the sample collection, one gleaning each."""

from functools import cache

from fileintel.builtin_model import extract
from fileintel.documents.token_windows import token_windows
from fileintel.graphrag.model import TextUnit
from fileintel.llm.tokens import Tokenizer
from tests.conftest import SAMPLES

TYPES = ("organization", "person", "geo", "event")
SIZE, OVERLAP = 200, 20  # tokens: more passages than usual, so that names meet


@cache
def passages() -> tuple[TextUnit, ...]:
    """The passages, in order."""
    tokenizer = Tokenizer()
    texts = (path.read_text(encoding="utf-8") for path in sorted(SAMPLES.glob("*.md")))
    chunks = [chunk for text in texts for chunk in token_windows([text], tokenizer, size=SIZE, overlap=OVERLAP)]
    return tuple(
        TextUnit(str(number), number, "document", chunk.start, chunk.end, 1, 1, chunk.n_tokens, chunk.text)
        for number, chunk in enumerate(chunks)
    )


@cache
def answers() -> tuple[tuple[str, str], ...]:
    """What was answered about each passage: the extraction, then the gleaning."""
    first = [extract.extract(unit.text, TYPES) for unit in passages()]
    return tuple(
        (answer, extract.glean(unit.text, TYPES, [answer])) for unit, answer in zip(passages(), first, strict=True)
    )


def for_upstream() -> list[list[str]]:
    """The same as upstream can read them: it joins a gleaning to its answer and looks for delimiters, and without one
    between the two it does not see the last record of the first, nor the first of the second."""
    bare = (["".join(answer.split("<|COMPLETE|>")).strip("#\n ") for answer in given] for given in answers())
    return [["\n##\n".join(given) + "\n##\n"] for given in bare]
