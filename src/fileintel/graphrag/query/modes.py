"""The ways to answer a question to an index."""

from collections.abc import Callable
from dataclasses import replace

from fileintel.graphrag.query import basic, drift, global_search, local
from fileintel.graphrag.query.asking import IndexAsking, Reply
from fileintel.graphrag.query.auto import pick
from fileintel.graphrag.query.inquiry import AUTO, BASIC, DRIFT, GLOBAL, LOCAL

_ANSWERS: dict[str, Callable[[IndexAsking], Reply]] = {
    LOCAL: local.answer,
    GLOBAL: global_search.answer,
    DRIFT: drift.answer,
    BASIC: basic.answer,
}


def answer(asking: IndexAsking) -> Reply:
    """The answer in the mode asked for, or in one that is picked.

    Raises:
      ConfigError: the settings leave no room for a single piece of the index.
      NoUsableAnswer: the model gave none.
    """
    if asking.inquiry.mode != AUTO:
        return _ANSWERS[asking.inquiry.mode](asking)
    picked = pick(asking)
    return replace(_ANSWERS[picked.mode](asking), picked=f"{picked.mode}: {picked.reason}")
