"""Claims (covariates): optional statements about entities, asked of each text unit.

The record format is that of graphrag: eight fields in parentheses, separated by `<|>`; records by `##`. A claim
with fewer fields is no claim here (upstream fills them up with nothing), of one with more the rest is source text.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from functools import partial
from itertools import pairwise

from fileintel.fanout.progress import Progress
from fileintel.fanout.request import Request
from fileintel.graphrag.model import Claim, TextUnit
from fileintel.graphrag.prompts import Prompt, PromptKind
from fileintel.graphrag.stages.extract_records import CODE_FENCE, CUT_OFF, has_fence
from fileintel.graphrag.stages.gleaning import Gleaning, Readings, parse_yes_or_no
from fileintel.graphrag.stages.merging import shown_titles
from fileintel.graphrag.stages.records import (
    COMPLETION,
    COMPLETION_MARK,
    FIELD_DELIMITER,
    clean_text,
    clean_title,
    merge_key,
    missing_mark,
    read_fields,
)
from fileintel.graphrag.stages.stage import Build, Moment, Row, Stage, StageRun, Table
from fileintel.identity import content_id
from fileintel.llm.questions import Answered, AnswerForm, ChatQuestion, InvalidAnswer, Sampling
from fileintel.runtime import yielding
from fileintel.storage.models import Covariate

STAGE = "claims"
PURPOSES = ("claims", "claims_glean", "claims_glean_check")
CLAIMS = PromptKind("extract_claims.txt", data=("input_text",), fixed=("entity_specs", "claim_description"))
CLAIMING = (CLAIMS, PromptKind("extract_claims_continue.txt"), PromptKind("extract_claims_loop.txt"))
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


@dataclass
class ClaimsRead:
    """The claims of an answer, and what had to be dropped or was put right, counted by reason."""

    claims: list[ClaimRecord] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    mended: Counter[str] = field(default_factory=Counter)


class ClaimsStage(StageRun):
    """Asks each text unit for its claims, with gleanings.

    Parameters:
      prompts: of the first question, of a gleaning, and of the check between two gleanings.
      max_gleanings: how often the model is asked for what it has missed.
      slots: how many questions can be under way at once, at this moment.
    """

    def __init__(
        self,
        model: str,
        prompts: tuple[Prompt, Prompt, Prompt],
        sampling: Sampling,
        progress: Progress,
        *,
        entity_types: Sequence[str],
        claim_description: str,
        language: str | None,
        max_gleanings: int,
        slots: Callable[[], int] = lambda: 0,
    ) -> None:
        self._model = model
        self._prompt, more, check = prompts
        self._sampling = sampling
        self._progress = progress
        self._fixed = {"entity_specs": ", ".join(entity_types), "claim_description": claim_description}
        self._language = language
        # claims can wait: nothing is made of them while entities are still extracted
        gleaning = Gleaning(more.text(), check.text(), max_gleanings, GLEANING_FORM, PURPOSES[1:], urgency=-0.1)
        self._readings = Readings(STAGE, gleaning, progress, slots)
        self._found: dict[int, tuple[TextUnit, list[ClaimRecord]]] = {}

    def text_units_are_cut(self, build: Build) -> None:
        build.ask(self.requests(build.parts.units))

    def texts_are_read(self, build: Build) -> None:
        build.parts.claims = self.claims(shown_titles(build.parts.graph))

    def requests(self, units: Sequence[TextUnit]) -> Iterator[Request]:
        """One request for each text unit; their follow-ups are the gleanings."""
        self._readings.begin(len(units))
        return (self._request(unit) for unit in units)

    def finished(self) -> bool:
        """True when every text unit is done with."""
        return self._readings.finished()

    def claims(self, shown: Mapping[str, str] | None = None) -> list[Claim]:
        """The claims found, in the order of the text units.

        Parameters:
          shown: the titles of the graph by `merge_key`; claims name what they are about in the same way.
        """
        titles = shown or {}
        found: dict[str, Claim] = {}
        for number in sorted(self._found):
            unit, records = self._found[number]
            for r in yielding(records):
                identity = content_id("claim", unit.id, *astuple(r))
                if identity not in found:
                    subject, other = (titles.get(merge_key(name), name) for name in (r.subject, r.object))
                    found[identity] = Claim(
                        identity, len(found), subject, other, r.type, r.status, r.start_date, r.end_date,
                        r.description, r.source_text, unit.number,
                    )  # fmt: skip
        return list(found.values())

    def _request(self, unit: TextUnit) -> Request:
        messages = self._prompt.messages(self._language, input_text=unit.text, **self._fixed)
        question = ChatQuestion(PURPOSES[0], self._model, messages, CLAIMS_FORM, self._sampling)
        return self._readings.request(unit.id, question, partial(self._take, unit), priority=0.5)

    def _take(self, unit: TextUnit, answer: Answered) -> None:
        read: ClaimsRead = answer.value
        self._found.setdefault(unit.number, (unit, []))[1].extend(read.claims)
        self._progress.records_read(len(read.claims), read.dropped, read.mended)


def parse_claims(text: str) -> ClaimsRead:
    """The claims of an answer; those that cannot be used are dropped and counted.

    Raises:
      InvalidAnswer: it holds no claim, and does not say by the completion mark that there is none.
    """
    read = parse_gleaning(text)
    if not read.claims and FIELD_DELIMITER in text:
        raise InvalidAnswer(f"it holds no claim of {FIELDS} fields")
    if not read.claims and not COMPLETION.search(text):
        raise InvalidAnswer(f"it holds no claim and no {COMPLETION_MARK}")
    return read


def parse_gleaning(text: str) -> ClaimsRead:
    """The claims of a gleaning; one that finds nothing may say so in its own words."""
    read = ClaimsRead()
    read.mended.update([CODE_FENCE] if has_fence(text) else [])
    for part in _parts(text):
        _read_claims(part, read)
    return read


def flaw(text: str, read: ClaimsRead) -> str | None:
    """What an answer lacks to be whole: the completion mark behind its claims."""
    return missing_mark(text) if read.claims or read.dropped else None


CLAIMS_FORM, GLEANING_FORM = AnswerForm(parse_claims, flaw), AnswerForm(parse_gleaning, flaw)


def _parts(text: str) -> Iterator[str]:
    starts = [match.end() - 1 for match in _START.finditer(text)] or [0]
    return (text[start:end] for start, end in pairwise([*starts, len(text)]))


def _read_claims(part: str, read: ClaimsRead) -> None:
    """The claim of a part, or the claims where they follow each other without a delimiter."""
    fields, whole = read_fields(part)
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
            read.claims.append(claim)
            read.mended.update([CUT_OFF] if not whole and not rest else [])
        else:
            read.dropped["claim without a subject"] += 1
        fields = rest
    if len(fields) > 1:
        read.dropped["claim with too few fields" if whole else "claim cut off"] += 1


def covariate_rows(version_id: str, claims: Iterable[Claim], units: Sequence[TextUnit]) -> Iterator[Row]:
    """The rows of `covariates`."""
    for claim in claims:
        yield {
            "version_id": version_id,
            "id": claim.id,
            "human_readable_id": claim.number,
            "covariate_type": "claim",
            "type": claim.type,
            "description": claim.description,
            "subject_id": claim.subject,
            "object_id": claim.object,
            "status": claim.status,
            "start_date": claim.start_date,
            "end_date": claim.end_date,
            "source_text": claim.source_text,
            "text_unit_id": units[claim.text_unit].id,
        }


def _begin(build: Build) -> StageRun:
    settings, run = build.run.settings.graphrag, build.run
    first, more, check = build.prompts(*CLAIMING)
    return ClaimsStage(
        run.chat_model,
        (first, more, check),
        build.sampling,
        run.progress,
        entity_types=settings.entity_types,
        claim_description=settings.claim_description,
        language=settings.language,
        max_gleanings=settings.max_gleanings,
        slots=build.slots,
    )


DECLARATION = Stage(
    STAGE,
    purposes=PURPOSES,
    prompts=CLAIMING,
    parsers={"claims": CLAIMS_FORM, "claims_glean": GLEANING_FORM, "claims_glean_check": parse_yes_or_no},
    tables=(Table(Covariate, "covariates", lambda version, parts: covariate_rows(version, parts.claims, parts.units)),),
    is_enabled=lambda settings: settings.graphrag.claims,
    begin=_begin,
    complete_before=Moment.GRAPH,
)
