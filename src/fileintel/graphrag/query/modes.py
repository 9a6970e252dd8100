"""The ways to answer a question to an index: their names, and which file answers.

A mode is one file in this folder with a `mode.Answering` declaration, and one entry here. The entries are apart from
the declarations because help texts list them, and a help text must not load the database and the model clients.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from fileintel.errors import UsageError

if TYPE_CHECKING:
    from fileintel.graphrag.query.asking import IndexAsking, Reply
    from fileintel.graphrag.query.mode import Answering

LOCAL, GLOBAL, DRIFT, BASIC, AUTO = "local", "global", "drift", "basic", "auto"


@dataclass(frozen=True)
class Mode:
    """A mode as help texts list it.

    Parameters:
      summary: what it is for, in a few words.
      file: the module in this folder whose `DECLARATION` answers.
    """

    name: str
    summary: str
    file: str

    def load(self) -> "Answering":
        """How it answers."""
        declared: Answering = import_module(f"{__package__}.{self.file}").DECLARATION
        return declared


TABLE = (
    Mode(LOCAL, "about particular things", "local"),
    Mode(GLOBAL, "about the whole", "global_search"),
    Mode(DRIFT, "by further questions, dearer", "drift"),
    Mode(BASIC, "from the nearest passages, without the graph", "basic"),
    Mode(AUTO, "picks one and says why", "auto"),
)
MODES = tuple(mode.name for mode in TABLE)
SUMMARY = "; ".join(f"{mode.name}: {mode.summary}" for mode in TABLE) + "."


class UnknownMode(UsageError):
    """There is no such way to answer a question."""

    code = "unknown_mode"


def expect_mode(mode: str) -> None:
    """Check that there is such a mode.

    Raises:
      UnknownMode: there is none.
    """
    if mode not in MODES:
        raise UnknownMode(f"there is no query mode {mode!r}: use one of {', '.join(MODES)}")


def declared(name: str) -> "Answering":
    """How the mode of this name answers."""
    return next(mode for mode in TABLE if mode.name == name).load()


def answer(asking: "IndexAsking") -> "Reply":
    """The answer in the mode asked for.

    Raises:
      ConfigError: the settings leave no room for a single piece of the index.
      NoUsableAnswer: the model gave none.
    """
    return declared(asking.query_request.mode).answer(asking)
