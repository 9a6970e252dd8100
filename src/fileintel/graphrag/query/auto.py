"""Auto: picks the mode that suits a question, by a rule that costs no call and always picks the same.

The first mode of the table that says why it suits the question is taken (`mode.Answering.suits`), and local where none
does, which costs one call. Answers say which mode was picked, why, and about how many calls a pick takes that is dearer
than a local question.
"""

from dataclasses import replace

from fileintel.graphrag.query.asking import IndexAsking, Reply
from fileintel.graphrag.query.mode import Answering, Subject
from fileintel.graphrag.query.modes import AUTO, LOCAL, TABLE, declared

NEEDED_CALLS = "this takes one call of the model"  # a local question


def answer(asking: IndexAsking) -> Reply:
    """Answer in the mode that suits the question.

    Raises:
      ConfigError: the settings leave no room for a single piece of the index.
      NoUsableAnswer: the model gave none.
    """
    mode, reason = pick(asking)
    return replace(declared(mode).answer(asking), picked=f"{mode}: {reason}")


def pick(asking: IndexAsking) -> tuple[str, str]:
    """The mode for a question to this index, and why it suits."""
    subject = Subject(asking)
    for mode in TABLE:
        if mode.name != AUTO and (reason := mode.load().suits(subject)):
            return mode.name, reason
    if subject.asks_for_the_whole is None:
        return LOCAL, f"the question asks for particular things; {NEEDED_CALLS}"
    if subject.names:
        return LOCAL, f"the question is about {subject.names}, which the index knows; {NEEDED_CALLS}"
    return LOCAL, f"the index has no reports; {NEEDED_CALLS}"


DECLARATION = Answering(answer)
