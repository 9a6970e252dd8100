"""In which format a model is asked for records: found out by one question, once for each model.

A server that honours a JSON schema answers the question with what only the schema tells. The answer is kept in the
answer store like every other; a run keeps what followed from it, so that going on with the run finds the same.
"""

from datetime import UTC, datetime

from fileintel.graphrag.stages.extract import JSON, TUPLE
from fileintel.llm.client import Tally
from fileintel.llm.json_answers import read_object
from fileintel.llm.questions import Answered, ChatQuestion, InvalidAnswer, Message, Sampling, Schema
from fileintel.services.single_question import ask_once
from fileintel.services.workspace import Workspace
from fileintel.storage.models import Run

AUTO = "auto"
KEY = "extraction_format"  # among what a run keeps of its models
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


def extraction_format(workspace: Workspace, unfinished: Run | None, tally: Tally, *, fresh: bool = False) -> str:
    """ "tuple" or "json": as the settings say, as the unfinished run has it, or as the server turns out to be.

    Parameters:
      tally: counts the question, if it has to be asked.
      fresh: ask again, whatever the answer store says.

    Raises:
      ModelServerUnavailable, ModelServerRefused: it cannot be asked.
    """
    wanted = workspace.settings.extraction.format
    if wanted != AUTO:
        return wanted
    if unfinished is not None and KEY in unfinished.models:
        return str(unfinished.models[KEY])
    if workspace.settings.chat_endpoint().builtin:
        return TUPLE.name
    return JSON.name if _honours_schemas(workspace, tally, fresh) else TUPLE.name


def _honours_schemas(workspace: Workspace, tally: Tally, fresh: bool) -> bool:
    llm = workspace.settings.llm
    question = ChatQuestion(
        "probe",
        str(workspace.chat.endpoint.model),
        (Message(role="user", content=_REQUEST),),
        _follows_schema,
        Sampling(llm.temperature, llm.top_p, llm.max_tokens),
        _SCHEMA,
        parts_count=True,
    )
    answer = ask_once(workspace, question, tally, datetime.now(UTC) if fresh else None)
    return isinstance(answer, Answered) and bool(answer.value)


def _follows_schema(text: str) -> bool:
    try:
        return read_object(text) == {"probe": _WORD}
    except InvalidAnswer:
        return False
