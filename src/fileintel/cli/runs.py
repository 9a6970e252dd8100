"""`fileintel runs …`, once `fileintel tasks …`, which keeps working."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from fileintel.cli.context import Json, Quiet, invocation, named
from fileintel.cli.output import fields_of, one_line, print_json, print_table, say
from fileintel.cli.progress import Following
from fileintel.cli.results import exit_code, print_gaps
from fileintel.installation.contract import rows

if TYPE_CHECKING:
    from fileintel.services.runs import Run

app = typer.Typer(help="Work that was handed to workers.", no_args_is_help=True)
COLUMNS = ("id", "kind", "state", "created_at", "finished_at", "error")

RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of a run.", show_default=False, callback=named)]


@app.command("list")
def list_all(
    context: typer.Context,
    collection: Annotated[str | None, typer.Option("--collection", "-c", help="Only of this collection.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many to list.")] = 50,
    as_json: Json = False,
) -> None:
    """List runs, the newest first."""
    from fileintel.services.runs import Runs, list_runs

    with invocation(context).installation() as installation:
        found = rows(installation, list_runs, Runs(collection=collection), limit)
    if as_json:
        print_json(found)
    else:
        print_table(COLUMNS, found, "no tasks yet")


@app.command()
def show(context: typer.Context, run: RunId, as_json: Json = False) -> None:
    """Show one run with its stages."""
    from fileintel.services.runs import OfRun, show_run

    with invocation(context).installation() as installation:
        found = installation.do(show_run, OfRun(run=run))
    if as_json:
        print_json(found)
        return
    for key, value in fields_of(found).items():
        if key not in ("stages", "gaps") and (told := one_line(value)):
            print(f"{key}: {told}")
    print_table(("name", "total", "done", "cached", "failed", "seconds"), found.stages, "no stages yet")
    print_gaps(found.gaps, f"fileintel tasks show {found.id} --json")


@app.command()
def wait(context: typer.Context, run: RunId, quiet: Quiet = False, as_json: Json = False) -> None:
    """Wait for the end of a run. Ctrl-C stops waiting; the run goes on."""
    from fileintel.services.runs import OfRun, show_run

    with invocation(context).installation() as installation, Following(quiet=quiet, events=True) as following:
        _say_if_it_rests(installation.do(show_run, OfRun(run=run)))
        found = installation.follow(run, following)
    if as_json:
        print_json(found)
    else:
        print(f"{found.id}: {found.state}" + (f" ({one_line(found.error)})" if found.error else ""))
    sys.exit(exit_code(found.state))


def _say_if_it_rests(run: "Run") -> None:
    """Workers do not take a paused run up; one that has paused itself says what to do."""
    if run.state == "paused" and not run.error:
        say(f"the task is paused: `fileintel tasks resume {run.id}` lets it go on")
