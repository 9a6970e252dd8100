"""Answering from passages alone: what questions to an index (`basic`) and to the passages of a collection share."""

from collections.abc import Sequence

from fileintel.errors import ConfigError
from fileintel.graphrag.prompts import PromptKind
from fileintel.graphrag.query.asking import Asking
from fileintel.graphrag.query.citations import Checked
from fileintel.graphrag.query.final_answer import conclude
from fileintel.graphrag.query.pieces import SOURCES, Piece, Pieces
from fileintel.graphrag.tables import row

PASSAGES = PromptKind("passage_search_system_prompt.txt", data=("context_data",), fixed=("response_type",))


def fitting(asking: Asking, rows: Sequence[Piece]) -> Pieces:
    """As many passages as the settings allow, in order.

    Raises:
      ConfigError: not even the first one fits.
    """
    pieces, bound = Pieces(), asking.settings.query.vector_max_context_tokens
    if rows and not pieces.fill(SOURCES, rows, bound, asking.tokenizer.count):
        tokens = asking.tokenizer.count(row(rows[0].id, *rows[0].fields))
        raise ConfigError(
            f"query.vector_max_context_tokens={bound} has no room for a passage of {tokens} tokens: raise it"
        )
    return pieces


def answer_from(asking: Asking, pieces: Pieces) -> Checked:
    """The answer from these passages.

    Raises:
      NoUsableAnswer: the model gave none.
    """
    messages = asking.prompts.load(PASSAGES).messages(
        asking.language, context_data=pieces.text(), response_type=asking.response_type
    )
    return conclude(asking, "passage_answer", messages, pieces.by_id())
