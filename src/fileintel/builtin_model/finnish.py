"""Finnish names in their cases: "Väisäselle" to "Väisänen", "Hiekkaniemen" to "Hiekkaniemi", "Turun" to "Turku".

Only what can be told from a word alone. Names that occur in several cases are joined in `entities`.
"""

import re

_VOWELS = "aeiouyäö"
# surnames and adjectives in -nen; the illative -seen is left out, which "Porvooseen" has as well
_NEN = re.compile(rf"^(\w+[{_VOWELS}])se(?:n|n[aä]|ss[aä]|st[aä]|ll[aä]|lt[aä]|lle|ksi)$", re.IGNORECASE)
# what place names end in, in the genitive and with the weak stem that other cases have as well
_PLACE_ENDINGS = {
    "niemen": "niemi", "lahden": "lahti", "järven": "järvi", "kosken": "koski", "saaren": "saari", "vuoren": "vuori",
    "lammen": "lampi", "mäen": "mäki", "joen": "joki", "kylän": "kylä", "rannan": "ranta",
}  # fmt: skip
_BY_STEM = {ending[:-1]: base for ending, base in _PLACE_ENDINGS.items()}
_PLACE = re.compile(rf"^(\w{{2,}}?)({'|'.join(_BY_STEM)})(?:n|ss[aä]|st[aä]|ll[aä]|lt[aä]|lle)$")
# the weak grade of consonants: Turku → Turun, Helsinki → Helsingin
_WEAK = (("nk", "ng"), ("rk", "r"), ("nt", "nn"), ("lt", "ll"), ("rt", "rr"), ("ht", "hd"), ("mp", "mm"))


def basic_form(word: str) -> str:
    """Return a word of a name in the nominative, as far as its ending tells; else the word itself."""
    if found := _NEN.match(word):
        return f"{found[1]}nen"
    if found := _PLACE.match(word):
        return found[1] + _BY_STEM[found[2]]
    return word


def ends_a_person(words: list[str]) -> bool:
    """Whether a person's name is over with the last of these words: a given name, and a surname in a case. What has a
    capital behind it is another name: "Aino Väisäsen | Helsingistä"."""
    # "Suomen Punaisen | Ristin": a genitive before it says whose it is
    return len(words) > 1 and not words[0].endswith("n") and _NEN.match(words[-1]) is not None


def stems(place: str) -> list[str]:
    """Return what the cases of a place's name begin with."""
    strong = place[: max(4, min(6, len(place) - 1))]
    weak = [place[:-3] + soft + place[-1] for hard, soft in _WEAK if place[-3:-1] == hard]
    return [strong, *weak]
