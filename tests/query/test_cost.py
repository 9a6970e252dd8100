"""What a question costs outside of the model: statements and commits, and what is done while an answer is stored."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.orm import Session

from fileintel.errors import DatabaseUnavailable, NoUsableAnswer
from fileintel.graphrag.query import asking, citations, local
from fileintel.graphrag.query.query_request import QueryRequest
from fileintel.llm.client import ModelClient
from fileintel.runs import execute, submission
from fileintel.storage import questions_in_flight
from fileintel.storage.answers import StoredAnswer
from fileintel.workspace import Workspace
from tests import doing
from tests.query.town import COLLECTION, LIMIT, Meanwhile, Place, add, ask, build, opened
from tests.standin import StandIn

STATEMENTS = 26  # of a local question, from taking its run to the end of it
TRANSACTIONS = 11
# the run taken, two questions taken, two answers stored, the run ended; taking questions waits for no disk
WRITING = 6
GRACE_SECONDS = 0.2  # in which a mistake has time to show


@pytest.fixture
def workspace(place: Place) -> Iterator[Workspace]:
    with opened(place) as workspace:
        doing.create_collection(workspace, COLLECTION)
        add(workspace, 0, 1)
        build(workspace)
        yield workspace


@dataclass
class Cost:
    """What was sent to the database."""

    statements: Counter[str] = field(default_factory=Counter)
    transactions: int = 0
    writing: int = 0


@contextmanager
def counted(workspace: Workspace) -> Iterator[Cost]:
    """What is done in the block."""
    cost, engine = Cost(), workspace.database.engine

    def execute(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        cost.statements[statement] += 1

    def commit(connection: Connection) -> None:
        cursor = connection.connection.cursor()
        cursor.execute("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")
        cost.transactions += 1
        cost.writing += cursor.fetchone()[0]

    event.listen(engine, "before_cursor_execute", execute)
    event.listen(engine, "commit", commit)
    try:
        yield cost
    finally:
        event.remove(engine, "before_cursor_execute", execute)
        event.remove(engine, "commit", commit)


def answered(workspace: Workspace, question: str) -> Cost:
    """What a worker does with the message of a question."""
    run_id = submission.submit_question(workspace, None, COLLECTION, QueryRequest(question)).run_id
    with counted(workspace) as cost:
        assert execute.answer(workspace, run_id)["citations"]
    return cost


def test_what_a_local_question_costs_the_database_does_not_grow_with_the_index(workspace: Workspace) -> None:
    answered(workspace, "Who drew the sluice, before anybody else?")
    for documents_before, more in ((1, 5), (6, 0)):
        cost = answered(workspace, f"Who drew Altona Sluice {documents_before - 1}?")
        assert cost.statements.total() <= STATEMENTS, cost.statements
        assert cost.transactions <= TRANSACTIONS
        assert cost.writing <= WRITING
        if more:
            add(workspace, documents_before, more)
            build(workspace)


def test_many_questions_at_once_get_through_two_connections(place: Place, workspace: Workspace) -> None:
    with opened(place, storage__pool_size=2, storage__pool_timeout=LIMIT) as narrow:
        asked = [Meanwhile(ask, narrow, f"Who drew the sluice, and how often ({number})?") for number in range(6)]
        assert all(one.result()["citations"] for one in asked)


def test_what_rests_on_an_answer_is_worked_out_while_it_is_stored_and_nothing_is_asked_before(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    worked_out = Event()
    context_for, keep, ask_chat = local.context_for, questions_in_flight.answered, ModelClient.ask

    def works_out(*given: Any) -> Any:
        context = context_for(*given)
        happened.append("context")
        worked_out.set()
        return context

    def keeps(session: Session, listed: Sequence[StoredAnswer], asker: str) -> None:
        assert worked_out.wait(LIMIT)
        time.sleep(GRACE_SECONDS)
        keep(session, listed, asker)
        happened.append("stored")

    def asks(*given: Any) -> Any:
        happened.append("asked")
        return ask_chat(*given)

    monkeypatch.setattr(local, "context_for", works_out)
    monkeypatch.setattr(questions_in_flight, "answered", keeps)
    monkeypatch.setattr(ModelClient, "ask", asks)
    assert ask(workspace, "Who drew the sluice, and when?")["citations"]
    assert happened == ["context", "stored", "asked", "stored"]


def test_an_answer_that_cannot_be_stored_is_not_given(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_session: Session, listed: Sequence[StoredAnswer], _asker: str) -> None:
        if any(one.content for one in listed):
            raise DatabaseUnavailable("its disk is full")

    monkeypatch.setattr(questions_in_flight, "answered", fails)
    monkeypatch.setattr(asking, "DATABASE_PATIENCE", 0.0)
    with pytest.raises(DatabaseUnavailable, match="its disk is full"):
        ask(workspace, "Who drew the sluice, and for whom?")


def test_an_answer_is_kept_whatever_goes_wrong_behind_it(
    workspace: Workspace, model_server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = "Who drew the sluice, and what for?"
    with monkeypatch.context() as patched:
        patched.setattr(citations.Resolver, "resolve", _fails)
        with pytest.raises(NoUsableAnswer, match="in the midst of it"):
            ask(workspace, question)
    before = model_server.counts().asked
    assert ask(workspace, question)["citations"]
    assert model_server.counts().asked == before


def _fails(*_: object) -> None:
    raise NoUsableAnswer("in the midst of it")
