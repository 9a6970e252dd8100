"""`fileintel tasks …`"""

import sys
import time
from typing import Annotated

import typer

from fileintel.cli.context import Json, invocation
from fileintel.cli.output import print_json, print_table, say
from fileintel.errors import EXIT_CANCELLED, EXIT_DONE, EXIT_FAILED, EXIT_GAPS

app = typer.Typer(help="Work that was handed to workers.", no_args_is_help=True)
COLUMNS = ("id", "kind", "state", "created_at", "finished_at", "error")
POLL_SECONDS = 0.5
EXIT_BY_STATE = {"succeeded_with_gaps": EXIT_GAPS, "failed": EXIT_FAILED, "cancelled": EXIT_CANCELLED}

Task = Annotated[str, typer.Argument(help="Id of a task.", show_default=False)]


@app.command("list")
def list_all(
    context: typer.Context,
    collection: Annotated[str | None, typer.Option("--collection", "-c", help="Only of this collection.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many to list.")] = 50,
    as_json: Json = False,
) -> None:
    """List tasks, the newest first."""
    from fileintel.services import tasks

    with invocation(context).workspace() as workspace:
        found = tasks.list_tasks(workspace, limit=limit, collection_name=collection)
    if as_json:
        print_json(found)
    else:
        print_table(COLUMNS, found, "no tasks yet")


@app.command()
def show(context: typer.Context, task: Task, as_json: Json = False) -> None:
    """Show one task with its stages."""
    from fileintel.services import tasks

    with invocation(context).workspace() as workspace:
        found = tasks.show(workspace, task)
    if as_json:
        print_json(found)
        return
    for key, value in found.items():
        if key != "stages":
            print(f"{key}: {value}")
    print_table(("name", "total", "done", "cached", "failed", "seconds"), found["stages"], "no stages yet")


@app.command()
def wait(context: typer.Context, task: Task, as_json: Json = False) -> None:
    """Wait for the end of a task. Ctrl-C stops waiting; the task goes on."""
    from fileintel.services import tasks

    with invocation(context).workspace() as workspace:
        seen = 0
        while True:
            for event in tasks.events_after(workspace, task, seen):
                seen = event["number"]
                say(f"{event['created_at']} {event['kind']}: {event['data'].get('state', '')}")
            found = tasks.show(workspace, task)
            if tasks.is_over(found):
                break
            time.sleep(POLL_SECONDS)
    if as_json:
        print_json(found)
    else:
        print(f"{found['id']}: {found['state']}" + (f" ({found['error']})" if found["error"] else ""))
    sys.exit(EXIT_BY_STATE.get(found["state"], EXIT_DONE))


@app.command()
def cancel(context: typer.Context, task: Task, as_json: Json = False) -> None:
    """Ask a task to end. What it was answered so far is kept."""
    from fileintel.services import tasks

    with invocation(context).workspace() as workspace:
        found = tasks.cancel(workspace, task)
    if as_json:
        print_json(found)
    else:
        say(f"{found['id']}: {found['state']}")
