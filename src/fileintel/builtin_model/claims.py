"""Claims (covariates): sentences that say what somebody decided, or what happened to somebody on a date."""

import re
from typing import NamedTuple

from fileintel.builtin_model import prose
from fileintel.builtin_model.entities import read
from fileintel.builtin_model.relations import Statements
from fileintel.builtin_model.wordlists import word_list, word_set

CLAIM_LIMIT = 12  # per text
NONE = "NONE"

_YEAR = re.compile(r"\b(1[0-9]{3}|20[0-9]{2})\b")
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january januar janvier tammikuu", "february februar février helmikuu", "march märz mars maaliskuu",
            "april avril huhtikuu", "may mai toukokuu", "june juni juin kesäkuu", "july juli juillet heinäkuu",
            "august août elokuu", "september septembre syyskuu", "october oktober octobre lokakuu",
            "november novembre marraskuu", "december dezember décembre joulukuu",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_NAMES = "|".join(sorted(_MONTHS, key=lambda name: (-len(name), name)))
_DAY_MONTH_YEAR = re.compile(
    rf"\b(?:(\d{{1,2}})\.?\s+(?:de\s+)?)?({_NAMES})\w{{0,3}}\s+(1\d{{3}}|20\d{{2}})\b", re.IGNORECASE
)
_MONTH_DAY_YEAR = re.compile(rf"\b({_NAMES})\s+(\d{{1,2}}),\s+(1\d{{3}}|20\d{{2}})\b", re.IGNORECASE)
_ISO = re.compile(r"\b(1\d{3}|20\d{2})-(\d{2})-(\d{2})\b")

_TYPES = {
    "DECISION": word_list("""
decided ruled ordered voted approved rejected refused appointed adopted agreed recommended signed banned granted
dismissed elected entschied beschloss lehnte genehmigte ernannte verbot unterzeichnete décida décidé refusa nomma
approuva signa interdit päätti hyväksyi hylkäsi nimitti
"""),
    "ACCUSATION": word_list("""
accused charged convicted sued fined blamed alleged guilty sentenced arrested angeklagt verurteilt beschuldigte
verhaftet accusa condamné arrêté syytti tuomittiin
"""),
    "FOUNDATION": word_list("""
founded established opened built created launched gegründet gründete eröffnet gebaut erbaut fondé fonda fondée
construit ouvert perustettiin perusti avattiin rakennettiin
"""),
    "DEATH OR BIRTH": word_list("""
born died killed geboren starb getötet naquit né née mourut mort syntyi kuoli
"""),
}
_TYPE_OF_VERB = {verb: name for name, verbs in _TYPES.items() for verb in verbs}
_DOUBT = word_set("alleged allegedly accused suspected rumoured reportedly angeblich vermutlich soupçonné väitetysti")


class Claim(NamedTuple):
    """The fields of one claim, in the order of the tuple."""

    subject: str
    object: str
    type: str
    status: str
    start: str
    end: str
    description: str
    source: str


def claims(text: str) -> list[Claim]:
    """The claims of `text` in its order; empty when no sentence has a name and a decision or a date."""
    statements = Statements(read(text))
    found: list[Claim] = []
    for at, entities in enumerate(statements.entities):
        named = [index for index in entities if statements.reading.entities[index].tier == 1]
        sentence = statements.reading.sentences[at].text
        kind, date = _kind(sentence), date_of(sentence)
        if not named or (kind is None and date is None) or prose.is_fragment(sentence):
            continue
        named.sort(key=lambda index: statements.reading.entities[index].kind not in ("person", "organization"))
        names = [prose.name_field(statements.reading.entities[index].name) for index in named]
        words = set(re.findall(r"\w+", sentence.lower()))
        found.append(
            Claim(
                names[0],
                names[1] if len(names) > 1 else NONE,
                kind or "DATED EVENT",
                "SUSPECTED" if words & _DOUBT else "TRUE",
                date or NONE,
                date or NONE,
                statements.text(at),
                prose.quote(sentence),
            )
        )
    return found[:CLAIM_LIMIT]


def _kind(sentence: str) -> str | None:
    for word in re.findall(r"\w+", sentence.lower()):
        if word in _TYPE_OF_VERB:
            return _TYPE_OF_VERB[word]
    return None


def date_of(sentence: str) -> str | None:
    """The first date of a sentence as ISO 8601 (a missing month or day counts as the first), or None."""
    match = _ISO.search(sentence)
    if match:
        return _iso(int(match.group(1)), int(match.group(2)), int(match.group(3)))
    match = _MONTH_DAY_YEAR.search(sentence)
    if match:
        return _iso(int(match.group(3)), _MONTHS[match.group(1).casefold()], int(match.group(2)))
    match = _DAY_MONTH_YEAR.search(sentence)
    if match:
        return _iso(int(match.group(3)), _MONTHS[match.group(2).casefold()], int(match.group(1) or 1))
    year = _YEAR.search(sentence)
    return _iso(int(year.group(1)), 1, 1) if year else None


def _iso(year: int, month: int, day: int) -> str:
    return f"{year:04d}-{min(max(month, 1), 12):02d}-{min(max(day, 1), 31):02d}T00:00:00"
