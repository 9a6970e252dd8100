"""In which format a model is asked for records: found out by one question, once for each model.

A server that honours a JSON schema answers the question with what only the schema tells. The answer is kept in the
answer store like every other; a run keeps what followed from it, so that going on with the run finds the same.

A server that says of itself that it honours schemas is believed so far that a run begins with JSON while the question
is under way, as the first of all. Should the answer prove it wrong, the run begins again with tuples: what was under
way until then, less than an answer takes, is all that is lost.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fileintel.fanout.answer_writer import as_stored
from fileintel.fanout.fanout import Fanout
from fileintel.fanout.journal import RunJournal
from fileintel.fanout.request import Outcome, Request
from fileintel.graphrag.stages.extract import JSON, STAGE, TUPLE
from fileintel.llm.client import Tally
from fileintel.llm.json_answers import read_object
from fileintel.llm.questions import Answered, ChatQuestion, Failed, InvalidAnswer, Message, Sampling, Schema
from fileintel.runs.single_question import ask_once, expect_models, stored_answer
from fileintel.storage.models import Run
from fileintel.workspace import Workspace

AUTO = "auto"
KEY = "extraction_format"  # among what a run keeps of its models
BELIEVED = "extraction_format_believed"  # the same, for a run that began before the question was answered
_FIRST = float("-inf")  # of all questions
_WORD = "schema honoured"
_SCHEMA = Schema(
    "probe",
    {
        "type": "object",
        "properties": {"probe": {"type": "string", "enum": [_WORD]}},
        "required": ["probe"],
        "additionalProperties": False,
    },
)
_REQUEST = "Greet me in one short sentence."


class SchemaIgnored(Exception):
    """A server that was believed to honour schemas does not."""


@dataclass(frozen=True)
class Finding:
    """The name of a format; `doubt` is the question that has to confirm it, where the server was only believed."""

    name: str
    doubt: ChatQuestion | None = None


def extraction_format(
    workspace: Workspace, unfinished: Run | None, tally: Tally, *, since: datetime | None = None
) -> Finding:
    """ "tuple" or "json": as the settings say, as the unfinished run has it, or as the server turns out to be.

    Parameters:
      tally: counts the question, if it has to be asked.
      since: the question is asked again unless it was answered after this moment.

    Raises:
      ModelServerUnavailable, ModelServerRefused: it cannot be asked.
    """
    wanted = workspace.settings.extraction.format
    if wanted != AUTO:
        return Finding(wanted)
    if unfinished is not None and KEY in unfinished.models and not unfinished.models.get(BELIEVED):
        return Finding(str(unfinished.models[KEY]))
    if workspace.settings.chat_endpoint().builtin:
        return Finding(TUPLE.name)
    question = _question(workspace)
    answer = stored_answer(workspace, question, since)
    if answer is None:
        expect_models(workspace)
        if workspace.chat.promises_schemas():
            return Finding(JSON.name, question)
    found = answer or ask_once(workspace, question, tally, since)
    return Finding(JSON.name if _is_proof(found) else TUPLE.name)


def settle(doubt: ChatQuestion, fanout: Fanout, journal: RunJournal) -> Callable[[], bool]:
    """Ask beside everything else whether the server honours schemas. The fan-out raises `SchemaIgnored` if not.
    Returns what tells whether it is known by now."""
    heard: list[Outcome] = []

    def hear(outcome: Outcome) -> None:
        heard.append(outcome)
        if isinstance(outcome, Answered) and not outcome.cached:
            journal.keep([as_stored(doubt, outcome)])
        if isinstance(outcome, Failed) and outcome.reason != "invalid_answer":
            return  # it says nothing: the next run asks again
        if not _is_proof(outcome):
            journal.write_last_progress()  # what was asked is counted
            raise SchemaIgnored

    # kept by hand: where there is no answer, nothing of the index is missing
    fanout.add([Request(STAGE, "format", doubt, hear, _FIRST, keep=False)])
    return lambda: bool(heard)


def _question(workspace: Workspace) -> ChatQuestion:
    llm = workspace.settings.llm
    return ChatQuestion(
        "probe",
        str(workspace.chat.endpoint.model),
        (Message(role="user", content=_REQUEST),),
        _follows_schema,
        Sampling(llm.temperature, llm.top_p, llm.max_tokens),
        _SCHEMA,
        parts_count=True,
    )


def _is_proof(outcome: Outcome) -> bool:
    return isinstance(outcome, Answered) and bool(outcome.value)


def _follows_schema(text: str) -> bool:
    try:
        return read_object(text) == {"probe": _WORD}
    except InvalidAnswer:
        return False
