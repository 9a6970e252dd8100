"""The command line: its groups, its options for all commands, and how errors leave it."""

import logging
import os
import sys
from typing import Annotated

import typer

from fileintel import __version__
from fileintel.cli import collections, config, database, documents, graphrag
from fileintel.cli.context import Invocation
from fileintel.errors import EXIT_FAILED, EXIT_INTERRUPTED, FileIntelError

EPILOG = (
    "Exit codes: 0 done, 1 failed, 2 usage, 3 finished with gaps, 4 cancelled, 5 budget reached, "
    "69 service unavailable, 130 interrupted."
)

app = typer.Typer(
    name="fileintel",
    help="Turn a collection of documents into a knowledge graph, and ask it questions.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(collections.app, name="collections")
app.add_typer(documents.app, name="documents")
app.add_typer(graphrag.app, name="graphrag")
app.add_typer(config.app, name="config")
app.add_typer(database.app, name="db")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fileintel {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set a setting, e.g. --set llm.model=qwen3. May be repeated."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options for all commands."""
    context.obj = Invocation(settings or [])


def run() -> None:
    """Run the command line and end the process. An error is one line on stderr."""
    try:
        app()
    except FileIntelError as error:
        _fail(str(error), error.exit_code)
    except BrokenPipeError:  # `fileintel … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        _fail("interrupted", EXIT_INTERRUPTED)
    except Exception as error:
        logging.getLogger(__name__).debug("unexpected error", exc_info=error)
        _fail(f"unexpected {type(error).__name__}: {error} (LOG_LEVEL=DEBUG shows where)", EXIT_FAILED)


def _fail(message: str, code: int) -> None:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)
