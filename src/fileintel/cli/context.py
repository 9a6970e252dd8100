"""What every command starts from: the settings it was given, and the installation they lead to."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import typer

from fileintel.errors import UsageError

if TYPE_CHECKING:
    from fileintel.config import Settings
    from fileintel.installation.contract import Installation
    from fileintel.workspace import Workspace


LARGEST_INTEGER = 2**31 - 1  # of PostgreSQL's integer columns


def named(value: str) -> str:
    """An argument that names something.

    Raises:
      UsageError: nothing has an empty name.
    """
    if not value:
        raise UsageError("an empty name was given, as an unset variable of the shell does: nothing has it")
    return value


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
Collection = Annotated[str, typer.Argument(help="Name or id of a collection.", show_default=False, callback=named)]


class Invocation:
    """One call of the command line. Settings are read, and what they lead to is opened, when a command needs it."""

    def __init__(self, assignments: list[str]) -> None:
        self._assignments = assignments

    @cached_property
    def settings(self) -> "Settings":
        """The settings in effect.

        Raises:
          ConfigError, UsageError: a setting is wrong.
        """
        from fileintel.config import load_settings

        settings = load_settings(self._assigned)
        logging.basicConfig(level=_level(settings.log_level), format="%(levelname)s %(name)s: %(message)s")
        return settings

    @property
    def has_service(self) -> bool:
        """Whether a service does the work, and not this process."""
        return self.settings.client.url is not None

    def installation(self) -> "Installation":
        """Where collections and indexes are: a service when the settings name one, else this process. To be used as
        a context manager.

        Raises:
          UsageError: `--set` was given for something that is the service's own.
        """
        from fileintel.installation import open_installation

        return open_installation(self.settings, self._assigned)

    @contextmanager
    def workspace(self) -> "Iterator[Workspace]":
        """The workspace of this machine, service or not: for the database's own matters. Closed at the block's end."""
        from fileintel.workspace import Workspace

        with Workspace(self.settings) as workspace:
            yield workspace

    @cached_property
    def _assigned(self) -> dict[str, str]:
        return dict(_split(text) for text in self._assignments)


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
