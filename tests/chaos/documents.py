"""Texts with many names that meet again and again: enough for thousands of questions, the same for the same seed."""

import random

FIRST = ("Anna", "Bram", "Cilla", "Dorte", "Elsa", "Falk", "Greta", "Hauke", "Ida", "Jonas", "Karla", "Lars")
SYLLABLES = ("ber", "dal", "fen", "gar", "hol", "kam", "lun", "mar", "nor", "ost", "rav", "sten", "tor", "vik")
TRADES = ("mill", "ferry", "printing works", "orchard", "quarry", "inn", "foundry", "school", "lighthouse", "archive")
YEARS = range(1790, 1960)
SENTENCES = (
    "{one} sold the {trade} near {place} to {other} in {year}.",
    "In {year}, {one} and {other} founded the {house} in {place}.",
    "{one} wrote to {other} that the {trade} of {place} had burned down in {year}.",
    "The {house} paid {one} for repairing the {trade}, although {other} had warned the council of {place}.",
    "{other} married into the family of {one}, and moved from {place} to {elsewhere} in {year}.",
    "Nobody in {place} knew why {one} left the {house} to {other}.",
    "A letter of {year} says that {one} met {other} at the {trade} in {elsewhere}.",
)
SENTENCES_IN_A_PARAGRAPH = 6


def write(seed: int, documents: int, paragraphs: int) -> dict[str, str]:
    """Markdown texts by file name; each has a town of its own, and people who visit others."""
    drawn = random.Random(f"documents {seed}")
    towns = [_town(drawn) for _ in range(documents)]
    return {f"chronicle-{number:02}.md": _chronicle(drawn, number, towns, paragraphs) for number in range(documents)}


def _chronicle(drawn: random.Random, number: int, towns: list[str], paragraphs: int) -> str:
    town = towns[number]
    people = [f"{drawn.choice(FIRST)} {_word(drawn)}" for _ in range(12)]
    houses = [f"{_word(drawn)} Society" for _ in range(3)]
    lines = [f"# A chronicle of {town}", ""]
    for _ in range(paragraphs):
        sentences = []
        for _ in range(SENTENCES_IN_A_PARAGRAPH):
            one, other = drawn.sample(people, 2)
            names = {"one": one, "other": other, "place": town, "elsewhere": drawn.choice(towns)}
            names |= {"house": drawn.choice(houses), "trade": drawn.choice(TRADES), "year": str(drawn.choice(YEARS))}
            sentences.append(drawn.choice(SENTENCES).format(**names))
        lines += [" ".join(sentences), ""]
    return "\n".join(lines)


def _town(drawn: random.Random) -> str:
    return f"{_word(drawn)}by"


def _word(drawn: random.Random) -> str:
    return "".join(drawn.sample(SYLLABLES, 2)).capitalize()
