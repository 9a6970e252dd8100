"""In which format a model is asked for records: found out by one question, once for each model.

A server that honours a JSON schema answers the question with what only the schema tells. The answer is kept in the
answer store like every other; a run keeps what followed from it, so that going on with the run finds the same.
"""

from datetime import UTC, datetime

from fileintel.graphrag.journal import Journal
from fileintel.graphrag.stages.extract import JSON, TUPLE
from fileintel.llm.client import Tally
from fileintel.llm.json_answers import read_object
from fileintel.llm.questions import Answered, ChatQuestion, InvalidAnswer, Message, Sampling, Schema
from fileintel.services.workspace import Workspace
from fileintel.storage.answers import StoredAnswer
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
    journal = Journal(workspace.database, datetime.now(UTC) if fresh else None)
    stored = journal.look_up([question.key]).get(question.key)
    if stored is not None:
        return _follows_schema(stored.content or "")
    workspace.check_models()  # a server that is down is told at once, not after the patience of a question
    answer = workspace.chat.ask(question, tally)
    if not isinstance(answer, Answered):
        return False
    journal.record([_as_stored(question, answer)], [])
    return bool(answer.value)


def _follows_schema(text: str) -> bool:
    try:
        return read_object(text) == {"probe": _WORD}
    except InvalidAnswer:
        return False


def _as_stored(question: ChatQuestion, answer: Answered) -> StoredAnswer:
    return StoredAnswer(
        question.key,
        question.model,
        question.purpose,
        answer.content,
        None,
        answer.finish_reason,
        answer.prompt_tokens,
        answer.completion_tokens,
    )
