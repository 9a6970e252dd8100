"""The last call of each mode: the answer itself, in the form asked for, told as it comes, its citations checked."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from fileintel.errors import ConfigError, FileIntelError
from fileintel.fanout.answer_writer import as_stored
from fileintel.fanout.journal import Journal
from fileintel.fanout.request import Outcome
from fileintel.graphrag.query.answer_stream import CitationSafeBuffer, listen
from fileintel.graphrag.query.asking import DATABASE_PATIENCE, Asking, IndexAsking, Reply, good
from fileintel.graphrag.query.citations import Checked, Resolver, check
from fileintel.graphrag.query.forms import as_data
from fileintel.graphrag.query.hang_detector import HangDetector
from fileintel.graphrag.query.pieces import Piece, Pieces
from fileintel.llm.questions import ChatQuestion, Message
from fileintel.llm.streaming import Unheard
from fileintel.storage import versions
from fileintel.storage.questions_in_flight import RENEW_SECONDS


def conclude(asking: Asking, purpose: str, messages: tuple[Message, ...], by_id: Mapping[str, Piece]) -> Checked:
    """Ask for the answer.

    Parameters:
      messages: the prompt, without the question.
      by_id: what the answer may cite.

    Raises:
      NoUsableAnswer: the model gave none, or ignored the form.
    """
    form = asking.query_request.wanted
    question = ChatQuestion(
        purpose,
        str(asking.chat.endpoint.model),
        asking.with_question(messages),
        form.parse,
        asking.sampling,
        form.schema,
    )
    if asking.listener is None:
        (outcome,) = asking.ask(purpose, [question])
        return check(good(outcome).value.text, by_id.__contains__)
    announcer = CitationSafeBuffer(asking.listener, by_id.__contains__)
    checked = check(good(_aloud(asking, question, announcer)).value.text, by_id.__contains__)
    announcer.finish(checked.text)
    return checked


def replied(
    asking: IndexAsking,
    mode: str,
    checked: Checked,
    by_id: Mapping[str, Piece],
    context: dict[str, Any],
    *,
    near: Sequence[str] = (),
    note: str | None = None,
) -> Reply:
    """The reply to a question to an index, its citations led back to pages; `near` as `Resolver` takes it.

    Raises:
      IndexGone: the version was deleted meanwhile.
    """
    with asking.database.transaction() as session:
        citations = []
        if checked.cited:
            resolver = Resolver(session, asking.version.id, asking.vector(), near)
            citations = resolver.resolve(checked.text, checked.cited, by_id)
        versions.require(session, asking.version)
    data = as_data(checked.text, asking.query_request.form)
    return Reply(mode, checked.text, citations, checked.unknown, context, data=data, note=note)


def found_only(
    asking: IndexAsking, mode: str, by_id: Mapping[str, Piece], context: dict[str, Any], near: Sequence[str] = ()
) -> Reply:
    """The reply where the model is not asked: all that it would have been shown, as citations, passages first.

    Raises:
      IndexGone: the version was deleted meanwhile.
    """
    by_id = dict(sorted(by_id.items(), key=lambda one: not one[0].startswith("S")))
    with asking.database.transaction() as session:
        citations = Resolver(session, asking.version.id, asking.vector(), near).all_behind(by_id)
        versions.require(session, asking.version)
    return Reply(mode, "", citations, 0, context)


def said(asking: Asking, text: str) -> Checked:
    """A sentence of ours in the place of an answer."""
    if asking.listener is not None:
        asking.listener.hear(text)
    return Checked(text, (), 0)


def expect_room(pieces: Pieces, setting: str, value: int, *, was_there: bool) -> None:
    """Whether anything fits into a context, if there was anything.

    Raises:
      ConfigError: nothing does.
    """
    if was_there and not pieces.sections:
        raise ConfigError(f"query.{setting}={value} has no room for a single piece of the index: raise it")


def _aloud(asking: Asking, question: ChatQuestion, announcer: CitationSafeBuffer) -> Outcome:
    """One question, asked by no fan-out, so that what hears it may use the database."""

    def in_the_ordinary_way() -> Outcome:
        (outcome,) = asking.ask(question.purpose, [question])
        return outcome

    if asking.narrator is None or asking.query_request.wanted.whole:
        return in_the_ordinary_way()
    journal = Journal(asking.database, patience=DATABASE_PATIENCE)
    if not journal.look_up([question.key]).taken:  # it is stored, or another process is asking it
        return in_the_ordinary_way()

    stayed_at = time.monotonic()
    silence = HangDetector(asking.chat, asking.caller.patience)
    narrate = partial(asking.narrator.ask, question, asking.tally, asking.caller)

    def hear(text: str) -> None:
        silence.heard()
        announcer.feed(text)

    def meanwhile() -> None:
        nonlocal stayed_at
        asking.stopping()
        silence.endure()
        if time.monotonic() - stayed_at >= RENEW_SECONDS:
            stayed_at = time.monotonic()
            with suppress(FileIntelError):  # at worst another process asks the same
                journal.stay()

    try:
        asking.settle()  # what the question rests on
        asking.readiness.expect()
        answered = listen(narrate, hear, meanwhile)
        journal.keep([as_stored(question, answered)])
    except Unheard:
        journal.leave()
        announcer.restart()
        return in_the_ordinary_way()
    except BaseException:
        with suppress(FileIntelError):  # what went wrong is what has to be told
            journal.leave()
        raise
    return answered
