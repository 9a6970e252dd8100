"""What every command starts from: the settings it was given, and the workspace they lead to."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import typer

from fileintel.errors import UsageError

if TYPE_CHECKING:
    from fileintel.config import Settings
    from fileintel.services.workspace import Workspace

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Collection = Annotated[str, typer.Argument(help="Name or id of a collection.", show_default=False)]


class Invocation:
    """One call of the command line. Settings are read, and the workspace opened, when a command needs them."""

    def __init__(self, assignments: list[str]) -> None:
        self._assignments = assignments

    @cached_property
    def settings(self) -> "Settings":
        """The settings in effect.

        Raises:
          ConfigError, UsageError: a setting is wrong.
        """
        from fileintel.config import load_settings

        settings = load_settings(dict(_split(text) for text in self._assignments))
        logging.basicConfig(level=_level(settings.log_level), format="%(levelname)s %(name)s: %(message)s")
        return settings

    @contextmanager
    def workspace(self) -> "Iterator[Workspace]":
        """The workspace, closed at the end of the block."""
        from fileintel.services.workspace import Workspace

        with Workspace(self.settings) as workspace:
            yield workspace


def invocation(context: typer.Context) -> Invocation:
    """The invocation that a command belongs to."""
    found = context.find_object(Invocation)
    assert found is not None
    return found


def _split(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator:
        raise UsageError(f"--set {text}: KEY=VALUE is expected, e.g. --set llm.model=qwen3")
    return key.strip(), value


def _level(name: str) -> int:
    # on a terminal INFO belongs to the command's own output; a library's chatter is for those who debug
    return logging.DEBUG if name == "DEBUG" else max(logging.WARNING, logging.getLevelNamesMapping()[name])
