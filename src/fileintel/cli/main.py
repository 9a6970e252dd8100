"""The command line: its groups, its options for all commands, and how errors leave it."""

import logging
import os
import signal
import sys
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from fileintel.cli import (
    api,
    cache,
    collections,
    config,
    database,
    documents,
    graphrag,
    mcp,
    output,
    processing,
    runs,
    service,
    steering,
    versions,
    worker,
)
from fileintel.cli.context import Invocation
from fileintel.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, FileIntelError
from fileintel.installation.interrupt import Interrupted, Parted, leave

EPILOG = (
    "Exit codes: 0 done, 1 failed, 2 usage, 3 finished with gaps, 4 cancelled, 5 budget reached, "
    "69 service unavailable, 130 interrupted."
)

SET = "--set"  # a setting, for any command
app = typer.Typer(
    name="fileintel",
    help="Turn a collection of documents into a knowledge graph, and ask it questions.",
    epilog=EPILOG,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(collections.app, name="collections")
documents.app.command()(processing.process)
documents.app.command()(processing.edit)
app.add_typer(documents.app, name="documents")
app.add_typer(graphrag.app, name="graphrag")
app.add_typer(runs.app, name="runs")
app.add_typer(runs.app, name="tasks", hidden=True)  # their former name
app.add_typer(cache.app, name="cache")
app.add_typer(worker.app, name="worker")
app.add_typer(config.app, name="config")
app.add_typer(database.app, name="db")
for name, by_id, newest in (
    ("cancel", steering.cancel_run, steering.cancel_newest),
    ("pause", steering.pause_run, steering.pause_newest),
    ("resume", steering.resume_run, steering.resume_newest),
    ("retry", steering.retry_run, steering.retry_newest),
):
    runs.app.command(name)(by_id)
    graphrag.app.command(name)(newest)
for command in (versions.versions, versions.rollback, versions.diff, versions.coverage):
    graphrag.app.command()(command)
app.command()(processing.query)
app.command()(api.api)
app.command()(mcp.mcp)
app.command()(service.up)
app.command()(service.down)
app.command()(service.ps)


def _version(wanted: bool) -> None:
    if wanted:
        from fileintel import __version__

        typer.echo(f"fileintel {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    settings: Annotated[
        list[str] | None,
        typer.Option(SET, metavar="KEY=VALUE", help="Set a setting, e.g. --set llm.model=qwen3. May be repeated."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options for all commands."""
    context.obj = Invocation(settings or [])


def run() -> None:
    """Run the command line and end the process. An error is one line on stderr."""
    signal.signal(signal.SIGINT, leave)
    output.prepare()
    try:
        sys.exit(_call())
    except Parted as end:
        output.say(end.farewell)
        sys.exit(EXIT_INTERRUPTED)
    except Interrupted as end:
        _fail("interrupted", int(end.code or 0))
    except FileIntelError as error:
        _fail(str(error), error.exit_code)
    except TyperException as error:
        _fail_usage(error)
    except UnicodeEncodeError:
        _fail("an argument is not valid text in this locale's encoding", EXIT_USAGE)
    except OSError as error:
        _fail(f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""), EXIT_FAILED)
    except Exception as error:
        if refusal := _refusal(error):
            _fail(refusal, EXIT_USAGE)
        logging.getLogger(__name__).debug("unexpected error", exc_info=error)
        _fail(f"unexpected {type(error).__name__}: {error} (LOG_LEVEL=DEBUG shows where)", EXIT_FAILED)


def _call() -> int:
    """Run the command and return its exit code; what it printed is out, or an OSError says why not."""
    try:
        code = app(prog_name="fileintel", standalone_mode=False)
    except Interrupted:
        raise
    except SystemExit as end:
        code = end.code
    if sys.stdout is not None:
        sys.stdout.flush()
    return int(code or 0)


def _refusal(error: Exception) -> str | None:
    """What is wrong with the request that a command has made; None when the error is another one."""
    from pydantic import ValidationError

    from fileintel.operations.declaration import faults_of

    return faults_of(error) if isinstance(error, ValidationError) else None


def _fail_usage(error: TyperException) -> NoReturn:
    message = error.format_message()
    if "\n" in message:  # the help page, where a group was called without a command
        print(message, file=sys.stderr)
        sys.exit(EXIT_USAGE)
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "fileintel"
    if getattr(error, "option_name", None) == SET:  # what click would suggest is similar, and something else
        _fail(f"{SET} KEY=VALUE stands before the command: `fileintel {SET} KEY=VALUE …`", error.exit_code)
    _fail(f"{message.rstrip('.')} (`{command} --help` shows how)", error.exit_code)


def _fail(message: str, code: int) -> NoReturn:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:  # the interpreter would try again, and complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
