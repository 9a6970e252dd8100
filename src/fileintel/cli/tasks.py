"""`fileintel tasks …`"""

import sys
from typing import Annotated

import typer

from fileintel.cli.context import Json, Quiet, invocation, named
from fileintel.cli.installation.contract import Row
from fileintel.cli.output import one_line, print_json, print_table, say
from fileintel.cli.progress import Following
from fileintel.cli.results import exit_code, print_gaps

app = typer.Typer(help="Work that was handed to workers.", no_args_is_help=True)
COLUMNS = ("id", "kind", "state", "created_at", "finished_at", "error")

Task = Annotated[str, typer.Argument(help="Id of a task.", show_default=False, callback=named)]


@app.command("list")
def list_all(
    context: typer.Context,
    collection: Annotated[str | None, typer.Option("--collection", "-c", help="Only of this collection.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many to list.")] = 50,
    as_json: Json = False,
) -> None:
    """List tasks, the newest first."""
    with invocation(context).installation() as installation:
        found = installation.tasks.all(limit, collection)
    if as_json:
        print_json(found)
    else:
        print_table(COLUMNS, found, "no tasks yet")


@app.command()
def show(context: typer.Context, task: Task, as_json: Json = False) -> None:
    """Show one task with its stages."""
    with invocation(context).installation() as installation:
        found = installation.tasks.show(task)
    if as_json:
        print_json(found)
        return
    for key, value in found.items():
        if key not in ("stages", "gaps") and (told := one_line(value)):
            print(f"{key}: {told}")
    print_table(("name", "total", "done", "cached", "failed", "seconds"), found["stages"], "no stages yet")
    print_gaps(found["gaps"], f"fileintel tasks show {found['id']} --json")


@app.command()
def wait(context: typer.Context, task: Task, quiet: Quiet = False, as_json: Json = False) -> None:
    """Wait for the end of a task. Ctrl-C stops waiting; the task goes on."""
    with invocation(context).installation() as installation, Following(quiet=quiet, events=True) as following:
        _say_if_it_rests(installation.tasks.show(task))
        found = installation.tasks.follow(task, following)
    if as_json:
        print_json(found)
    else:
        print(f"{found['id']}: {found['state']}" + (f" ({one_line(found['error'])})" if found["error"] else ""))
    sys.exit(exit_code(found["state"]))


def _say_if_it_rests(task: Row) -> None:
    """Nobody takes a paused task up; one that has paused itself says what to do."""
    if task["state"] == "paused" and not task["error"]:
        say(f"the task is paused: `fileintel tasks resume {task['id']}` lets it go on")
