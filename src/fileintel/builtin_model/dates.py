"""Dates in running text, in English, German, French and Finnish."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_MONTHS = (
    "january januar jänner janvier tammikuu jan",
    "february februar février helmikuu feb",
    "march märz mars maaliskuu mar",
    "april avril huhtikuu apr",
    "may mai toukokuu",
    "june juni juin kesäkuu jun",
    "july juli juillet heinäkuu jul",
    "august août elokuu aug",
    "september septembre syyskuu sep sept",
    "october oktober octobre lokakuu oct",
    "november novembre marraskuu nov",
    "december dezember décembre joulukuu dec",
)
_NUMBERS = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_MONTH = rf"(?P<month>{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})(?:ta|ssa|n)?\.?"
_YEAR = r"(?P<year>1\d\d\d|20\d\d)\b"
_PATTERNS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b{_YEAR}-(?P<month>\d\d)-(?P<day>\d\d)\b",
        rf"\b(?P<day>\d{{1,2}})\.?(?:st|nd|rd|th|er)?\s+(?:de\s+)?{_MONTH},?\s+{_YEAR}",
        rf"\b{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,\s*{_YEAR}",
        rf"\b(?P<day>\d{{1,2}})[./](?P<month>\d{{1,2}})[./]{_YEAR}",
        rf"\b{_MONTH},?\s+{_YEAR}",
    )
]


class Date(NamedTuple):
    """A day, or a month where `day` is 0; `start` is where `text` says it."""

    year: int
    month: int
    day: int
    start: int
    text: str


def dates(text: str) -> Iterator[Date]:
    """Yield the dates of `text` that can be, whole ones before months, those of one form in their order."""
    for pattern in _PATTERNS:
        for match in pattern.finditer(text):
            found = match.groupdict()
            month = _NUMBERS.get(found["month"].lower()) or int(found["month"] if found["month"].isdigit() else 0)
            day = int(found.get("day") or 0)
            if 1 <= month <= 12 and day <= 31 and (day or not found.get("day")):
                yield Date(int(found["year"]), month, day, match.start(), match.group())
