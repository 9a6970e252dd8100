"""Generated collections: prose about people and places that keep meeting, so that a graph with communities comes out.

The same size gives the same text. Names are drawn so that most belong to one part of the collection and some occur
everywhere, as in real collections.
"""

import random
from pathlib import Path

_FIRST = "Ada Bruno Clara Dario Elena Fritz Greta Hugo Irma Jonas Karla Ludo Marta Nils Olga Piero Rosa Sten Tilda Ugo"
_LAST = "Abel Borg Cato Dahl Ehrn Falk Grim Holt Ibsen Jarl Krog Lind Moss Nord Oker Pihl Quist Rask Sund Torp Ulv Vik"
_SENTENCES = (
    "{0} met {1} at the harbour, where the cargo of the winter was counted and the ledgers were signed.",
    "In the spring {0} wrote to {1} about the bridge, the tolls and the long delay of the surveyors.",
    "{0} had kept the keys of the mill since the fire, and {1} knew it before the council did.",
    "When the court came together, {0} spoke for an hour, and {1} answered with a single letter.",
    "Nobody in the valley trusted the new maps that {0} had drawn for {1} after the flood.",
    "The archive holds a contract between {0} and {1} about salt, rope and forty barrels of tar.",
)
NAMES_PER_PART = 14
CHARACTERS_PER_PART = 20_000
KNOWN_EVERYWHERE = 6


def text(characters: int, seed: int = 0) -> str:
    """A text of about that many characters, in paragraphs."""
    dice = random.Random(seed)
    common = _names(dice, KNOWN_EVERYWHERE)
    pieces: list[str] = []
    length = 0
    while length < characters:
        local, end = _names(dice, NAMES_PER_PART), min(length + CHARACTERS_PER_PART, characters)
        while length < end:
            paragraph = " ".join(_sentence(dice, local, common) for _ in range(6))
            pieces.append(paragraph)
            length += len(paragraph) + 2
    return "\n\n".join(pieces)


def write(folder: Path, characters: int, documents: int) -> list[Path]:
    """A collection of about that many characters in several files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(documents):
        path = folder / f"book-{number:03}.txt"
        path.write_text(text(characters // documents, seed=number), encoding="utf-8")
        paths.append(path)
    return paths


def _names(dice: random.Random, count: int) -> list[str]:
    first, last = _FIRST.split(), _LAST.split()
    # two last names in one, so that there are many thousand different ones
    return [f"{dice.choice(first)} {dice.choice(last)}{dice.choice(last).lower()}" for _ in range(count)]


def _sentence(dice: random.Random, local: list[str], common: list[str]) -> str:
    one = dice.choice(local)
    other = dice.choice(common) if dice.random() < 0.1 else dice.choice(local)
    # numbers keep sentences apart: no two passages are the same
    return dice.choice(_SENTENCES).format(one, other) + f" That was in the year {dice.randrange(1200, 1900)}."
