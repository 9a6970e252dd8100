"""One question outside of a run, with the answer store in front: what was asked before costs nothing."""

from datetime import datetime

from fileintel.graphrag.journal import Journal
from fileintel.graphrag.scribe import as_stored
from fileintel.llm.client import Tally
from fileintel.llm.questions import Answered, ChatQuestion, Failed, InvalidAnswer
from fileintel.services.workspace import Workspace
from fileintel.storage.answers import Freshness


def ask_once(
    workspace: Workspace, question: ChatQuestion, tally: Tally, since: datetime | None = None
) -> Answered | Failed:
    """The answer to a question, kept for the next time. With `since`, stored answers from before are not used.

    Raises:
      ModelServerUnavailable, ModelServerRefused: the server is not ready for questions.
    """
    journal = Journal(workspace.database, Freshness(since) if since else None)
    stored = journal.find([question.key]).get(question.key)
    if stored is not None:
        try:
            return Answered(question.read(stored.content or ""), stored.content, cached=True)
        except InvalidAnswer:
            pass  # it was kept by a version that read it differently
    # A server that is down is told at once, not after the patience of a question. Not in a person's name: for that the
    # gate would keep slots free, while a run begins.
    if not workspace.readiness.is_known():
        workspace.check_models()
    answer = workspace.chat.ask(question, tally)
    if isinstance(answer, Answered):
        journal.keep([as_stored(question, answer)])
    return answer
