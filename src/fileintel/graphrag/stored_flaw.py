"""Whether a stored answer is whole, seen without its question: by the purpose that it was asked for."""

from fileintel.graphrag.pipeline import PARSERS
from fileintel.graphrag.stages import extract
from fileintel.llm.questions import CUT_OFF, AnswerForm, InvalidAnswer, without_nul

UNREADABLE = "it cannot be read"


def stored_flaw(purpose: str, content: str, finish_reason: str | None) -> str | None:
    """Return what an answer to a question of an index lacks to be whole; None where nothing does, or where that cannot
    be told: of answers to other questions, and of extractions that the length limit cut off, which gleanings go on
    with.

    Parameters:
      purpose: of the question, as the answer store keeps it.
      finish_reason: as the server said it.
    """
    forms = [
        form for name, form in PARSERS.items() if name.partition("/")[0] == purpose and isinstance(form, AnswerForm)
    ]
    if not forms or (finish_reason == "length" and purpose in extract.PURPOSES):
        return None
    if finish_reason in CUT_OFF:
        return CUT_OFF[finish_reason]
    flaws = [_flaw(form, without_nul(content)) for form in forms]
    return None if None in flaws else min(flaws, key=lambda flaw: flaw == UNREADABLE)


def _flaw(form: AnswerForm, text: str) -> str | None:
    try:
        return form.flaw(text, form.parse(text))
    except (InvalidAnswer, RecursionError):
        return UNREADABLE
