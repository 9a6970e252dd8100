"""One question outside of a run, with the answer store in front: what was asked before costs nothing."""

from contextlib import suppress
from datetime import datetime

from fileintel.fanout.answer_writer import as_stored
from fileintel.fanout.journal import Journal
from fileintel.llm.client import Tally
from fileintel.llm.questions import Answered, ChatQuestion, Failed, InvalidAnswer
from fileintel.storage.answers import Freshness
from fileintel.workspace import Workspace


def ask_once(
    workspace: Workspace, question: ChatQuestion, tally: Tally, since: datetime | None = None
) -> Answered | Failed:
    """The answer to a question, kept for the next time. With `since`, stored answers from before are not used.

    Raises:
      ModelServerUnavailable, ModelServerRefused: the server is not ready for questions.
    """
    stored = stored_answer(workspace, question, since)
    if stored is not None:
        return stored
    expect_models(workspace)
    answer = workspace.chat.ask(question, tally)
    if isinstance(answer, Answered):
        Journal(workspace.database).keep([as_stored(question, answer)])
    return answer


def stored_answer(workspace: Workspace, question: ChatQuestion, since: datetime | None = None) -> Answered | None:
    """The answer from the store, if it has one. With `since`, those from before are not used."""
    journal = Journal(workspace.database, Freshness(since) if since else None)
    stored = journal.find([question.key]).get(question.key)
    if stored is not None:
        with suppress(InvalidAnswer):  # it was kept by a version that read it differently
            return Answered(question.read(stored.content or ""), stored.content, cached=True)
    return None


def expect_models(workspace: Workspace) -> None:
    """Look whether the servers are ready for questions, unless they have answered lately. A server that is down is
    told at once, not after the patience of a question; and not in a person's name: for that the gate would keep slots
    free, while a run begins.

    Raises:
      ModelServerUnavailable, ModelServerRefused: one is not.
    """
    if not workspace.readiness.is_known():
        workspace.check_models()
