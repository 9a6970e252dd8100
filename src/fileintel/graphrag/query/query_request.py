"""A question to an index with everything that decides its answer, as it travels from the entry to a worker."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fileintel.errors import UsageError
from fileintel.graphrag.query import forms
from fileintel.graphrag.query.conversation import Turn, read_turns
from fileintel.graphrag.query.forms import Form
from fileintel.graphrag.query.modes import LOCAL, expect_mode

LONGEST_LANGUAGE = 100  # characters
_PLAIN = ("form", "language", "dynamic", "stream", "search_only")  # kept where they differ from the default


@dataclass(frozen=True)
class QueryRequest:
    """A question to an index.

    Parameters:
      mode: one of `modes.MODES`.
      history: what was said before.
      form, schema: the form of the answer, see `forms`.
      language: of the answer, in words; None follows the settings, and else the question.
      dynamic: whether a global answer looks only at reports that matter; None leaves it to the settings.
      stream: whether the answer is told while it is written.
      search_only: look for what would be shown to the model, and do not ask it.
    """

    text: str
    mode: str = LOCAL
    history: tuple[Turn, ...] = ()
    form: str = forms.DEFAULT
    schema: Mapping[str, Any] | None = None
    language: str | None = None
    dynamic: bool | None = None
    stream: bool = False
    search_only: bool = False

    @cached_property
    def wanted(self) -> Form:
        """The form of the answer."""
        return forms.form(self.form, self.schema)

    def check(self) -> None:
        """Check that the question can be asked at all.

        Raises:
          UsageError, UnknownMode: it is empty, or asks for a mode or a form that there is not.
        """
        if not self.text.strip():
            raise UsageError("the question is empty: ask one")
        if "\0" in self.text:
            raise UsageError("the question holds the character NUL")
        expect_mode(self.mode)
        if self.language is not None and not 0 < len(self.language.strip()) <= LONGEST_LANGUAGE:
            raise UsageError(f"the language of the answer must have 1 to {LONGEST_LANGUAGE} characters")
        _ = self.wanted

    def parameters(self) -> dict[str, Any]:
        """The request as the run that answers it keeps it: only what differs from the defaults."""
        said: dict[str, Any] = {"question": self.text, "mode": self.mode}
        if self.history:
            said["history"] = [vars(turn) for turn in self.history]
        if self.schema is not None:
            said["schema"] = dict(self.schema)
        for name in _PLAIN:
            if getattr(self, name) != getattr(QueryRequest, name):
                said[name] = getattr(self, name)
        return said

    @classmethod
    def of_parameters(cls, parameters: Mapping[str, Any]) -> "QueryRequest":
        """The request that a run has kept, which may remember other things beside it."""
        rest = {name: parameters[name] for name in ("mode", "schema", *_PLAIN) if name in parameters}
        return cls(str(parameters["question"]), history=read_turns(parameters.get("history", [])), **rest)
