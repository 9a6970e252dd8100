"""Claims (covariates): optional statements about entities, asked of each text unit.

The record format is that of graphrag: eight fields in parentheses, separated by `<|>`; records by `##`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from fileintel.graphrag.fanout import Outcome, Request
from fileintel.graphrag.model import Claim, TextUnit
from fileintel.graphrag.progress import Progress
from fileintel.graphrag.prompts import Prompt
from fileintel.graphrag.stages.extract import COMPLETION_MARK, FIELD_DELIMITER, clean_text, clean_title
from fileintel.identity import content_id
from fileintel.llm.questions import Answered, ChatQuestion, InvalidAnswer, Sampling

STAGE = "claims"
FIELDS = 8
_BETWEEN_RECORDS = re.compile(r"\)?\s*##\s*\(?|\)\s*\(")


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
        self._records: dict[int, list[ClaimRecord]] = {}

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
        for unit, records in sorted(self._records.items()):
            for r in records:
                identity = content_id("claim", unit, r.subject, r.object, r.type, r.description)
                found.setdefault(
                    identity,
                    Claim(
                        identity, len(found), r.subject, r.object, r.type, r.status, r.start_date, r.end_date,
                        r.description, r.source_text, unit,
                    ),
                )  # fmt: skip
        return list(found.values())

    def _request(self, unit: TextUnit) -> Request:
        messages = self._prompt.messages(self._language, input_text=unit.text, **self._fixed)
        question = ChatQuestion("claims", self._model, messages, parse_claims, self._sampling)
        return Request(STAGE, unit.id, question, partial(self._answered, unit), priority=0.5)

    def _answered(self, unit: TextUnit, outcome: Outcome) -> None:
        self._open -= 1
        if isinstance(outcome, Answered):
            self._records[unit.number] = outcome.value
            self._progress.item_done(STAGE, cached=outcome.cached)
        else:
            self._progress.item_done(STAGE, failed=True)


def parse_claims(text: str) -> list[ClaimRecord]:
    """The claims of an answer; records with too few fields are passed over.

    Raises:
      InvalidAnswer: neither a claim nor the completion mark is in it.
    """
    claims = []
    for record in _BETWEEN_RECORDS.split(text.split(COMPLETION_MARK)[0]):
        fields = record.strip().removeprefix("(").removesuffix(")").split(FIELD_DELIMITER)
        if len(fields) == FIELDS:
            names = [clean_title(field) for field in fields[:4]]
            claims.append(ClaimRecord(*names, *(clean_text(field) for field in fields[4:])))
    if not claims and COMPLETION_MARK not in text:
        raise InvalidAnswer(f"it holds no claim and no {COMPLETION_MARK}")
    return claims
