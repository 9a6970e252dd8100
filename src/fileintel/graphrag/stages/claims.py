"""Claims (covariates): optional statements about entities, asked of each text unit.

The record format is that of graphrag: eight fields in parentheses, separated by `<|>`; records by `##`. A claim
with fewer fields is no claim here (upstream fills them up with nothing), of one with more the rest is source text.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import partial
from itertools import pairwise

from fileintel.graphrag.fanout import Outcome, Request
from fileintel.graphrag.model import Claim, TextUnit
from fileintel.graphrag.progress import Progress
from fileintel.graphrag.prompts import Prompt
from fileintel.graphrag.stages.records import (
    COMPLETION,
    COMPLETION_MARK,
    FIELD_DELIMITER,
    clean_text,
    clean_title,
    read_fields,
)
from fileintel.identity import content_id
from fileintel.llm.questions import Answered, ChatQuestion, InvalidAnswer, Sampling

STAGE = "claims"
FIELDS = 8
# where a record surely begins: at the beginning of a line, or behind the delimiter or the completion mark
_START = re.compile(r"(?:^|##|\|COMPLETE\|>)[^\w(\n]{0,20}(?:\d+[.)])?[^\w(\n]{0,20}\(", re.MULTILINE | re.IGNORECASE)
_JUNCTION = re.compile(r"\)\s*\(")  # where one begins behind another, unless it is within a field


@dataclass(frozen=True, slots=True)
class ClaimRecord:
    """A claim as one answer writes it."""

    subject: str
    object: str
    type: str
    status: str
    start_date: str
    end_date: str
    description: str
    source_text: str


class ClaimsStage:
    """Asks each text unit for its claims."""

    def __init__(
        self,
        model: str,
        prompt: Prompt,
        sampling: Sampling,
        progress: Progress,
        *,
        entity_types: Sequence[str],
        claim_description: str,
        language: str | None,
    ) -> None:
        self._model = model
        self._prompt = prompt
        self._sampling = sampling
        self._progress = progress
        self._fixed = {"entity_specs": ", ".join(entity_types), "claim_description": claim_description}
        self._language = language
        self._open = 0
        self._found: dict[int, tuple[TextUnit, list[ClaimRecord]]] = {}

    def requests(self, units: Sequence[TextUnit]) -> Iterator[Request]:
        """One request for each text unit."""
        self._progress.begin(STAGE, len(units))
        self._open += len(units)
        return (self._request(unit) for unit in units)

    def finished(self) -> bool:
        """True when every text unit is done with."""
        return self._open == 0

    def claims(self) -> list[Claim]:
        """The claims found, in the order of the text units."""
        found: dict[str, Claim] = {}
        for _, (unit, records) in sorted(self._found.items(), key=lambda item: item[0]):
            for r in records:
                identity = content_id("claim", unit.id, *astuple(r))
                if identity not in found:
                    found[identity] = Claim(
                        identity, len(found), r.subject, r.object, r.type, r.status, r.start_date, r.end_date,
                        r.description, r.source_text, unit.number,
                    )  # fmt: skip
        return list(found.values())

    def _request(self, unit: TextUnit) -> Request:
        messages = self._prompt.messages(self._language, input_text=unit.text, **self._fixed)
        question = ChatQuestion("claims", self._model, messages, parse_claims, self._sampling)
        return Request(STAGE, unit.id, question, partial(self._answered, unit), priority=0.5)

    def _answered(self, unit: TextUnit, outcome: Outcome) -> None:
        self._open -= 1
        if isinstance(outcome, Answered):
            self._found[unit.number] = (unit, outcome.value)
            self._progress.item_done(STAGE, cached=outcome.cached)
        else:
            self._progress.item_done(STAGE, failed=True)


def parse_claims(text: str) -> list[ClaimRecord]:
    """The claims of an answer; records with too few fields are passed over.

    Raises:
      InvalidAnswer: it holds no claim, and does not say by the completion mark that there is none.
    """
    claims = [claim for part in _parts(text) for claim in _claims(part)]
    if not claims and FIELD_DELIMITER in text:
        raise InvalidAnswer(f"it holds no claim of {FIELDS} fields")
    if not claims and not COMPLETION.search(text):
        raise InvalidAnswer(f"it holds no claim and no {COMPLETION_MARK}")
    return claims


def _parts(text: str) -> Iterator[str]:
    starts = [match.end() - 1 for match in _START.finditer(text)] or [0]
    return (text[start:end] for start, end in pairwise([*starts, len(text)]))


def _claims(part: str) -> Iterator[ClaimRecord]:
    """The claim of a part, or the claims where they follow each other without a delimiter."""
    fields, _ = read_fields(part)
    while len(fields) >= FIELDS:
        last = fields[FIELDS - 1]
        junctions = list(_JUNCTION.finditer(last))
        if junctions and len(fields) >= 2 * FIELDS - 1:
            source_text, rest = last[: junctions[-1].start()], [last[junctions[-1].end() :], *fields[FIELDS:]]
        else:
            source_text, rest = " ".join(fields[FIELDS - 1 :]), []
        names, texts = map(clean_title, fields[:4]), map(clean_text, (*fields[4 : FIELDS - 1], source_text))
        claim = ClaimRecord(*names, *texts)
        if claim.subject:
            yield claim
        fields = rest
