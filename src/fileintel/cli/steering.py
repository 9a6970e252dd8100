"""Pausing, resuming, cancelling and retrying: of a task by its id, of a collection's run by the collection's name."""

from collections.abc import Callable
from typing import Any

import typer

from fileintel.cli.context import Collection, Json, Quiet, invocation
from fileintel.cli.graphrag import CancelOnInterrupt, Wait, print_built
from fileintel.cli.installation.contract import Installation, WaitOptions, Watcher, run_of
from fileintel.cli.output import print_json, say
from fileintel.cli.progress import Following
from fileintel.cli.tasks import Task
from fileintel.errors import NothingToRetry


def cancel_task(context: typer.Context, task: Task, as_json: Json = False) -> None:
    """Ask a task to end. What it was answered so far is kept."""
    _steer(context, lambda there: there.tasks.cancel(task), as_json)


def pause_task(context: typer.Context, task: Task, as_json: Json = False) -> None:
    """Ask a task to rest. It sends nothing more, keeps what is under way, and waits to be resumed."""
    _steer(context, lambda there: there.tasks.pause(task), as_json)


def resume_task(context: typer.Context, task: Task, as_json: Json = False) -> None:
    """Let workers go on with a paused task."""
    _steer(context, lambda there: there.tasks.resume(task), as_json)


def retry_task(context: typer.Context, task: Task, as_json: Json = False) -> None:
    """Let workers do what a task has left undone. That is the gaps of an index run, or a question that failed."""
    try:
        with invocation(context).installation() as installation:
            accepted = installation.tasks.retry(task)
    except NothingToRetry as nothing:
        _say_nothing(nothing, as_json)
    else:
        print_built(accepted, as_json=as_json)


def cancel_run(context: typer.Context, collection: Collection, as_json: Json = False) -> None:
    """Ask the run of a collection to end. What it was answered so far is kept."""
    _steer(context, lambda there: there.tasks.cancel(run_of(there.graph.status(collection))), as_json)


def pause_run(context: typer.Context, collection: Collection, as_json: Json = False) -> None:
    """Ask the run of a collection to rest. It sends nothing more, keeps what is under way, and waits to be resumed."""
    _steer(context, lambda there: there.tasks.pause(run_of(there.graph.status(collection))), as_json)


def resume_run(
    context: typer.Context,
    collection: Collection,
    wait: Wait = False,
    cancel_on_interrupt: CancelOnInterrupt = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Go on with the paused run of a collection. With a service its workers do."""
    options = WaitOptions(wait, cancel_on_interrupt)
    _work(context, lambda there, watcher: there.graph.resume(collection, watcher, options), quiet, as_json)


def retry_run(
    context: typer.Context,
    collection: Collection,
    wait: Wait = False,
    cancel_on_interrupt: CancelOnInterrupt = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Close the gaps of the newest run. Nothing else is asked for; a new version is published."""
    options = WaitOptions(wait, cancel_on_interrupt)
    try:
        _work(context, lambda there, watcher: there.graph.retry(collection, watcher, options), quiet, as_json)
    except NothingToRetry as nothing:
        _say_nothing(nothing, as_json)


def _steer(context: typer.Context, steer: Callable[[Installation], dict[str, Any]], as_json: bool) -> None:
    with invocation(context).installation() as installation:
        found = steer(installation)
    if as_json:
        print_json(found)
    else:
        comes_to_rest = found["state"] == "paused" and found["owner"]
        say(f"{found['id']}: {found['state']}" + (", once what is under way has arrived" if comes_to_rest else ""))


def _work(
    context: typer.Context, work: Callable[[Installation, Watcher], dict[str, Any]], quiet: bool, as_json: bool
) -> None:
    with invocation(context).installation() as installation, Following(quiet=quiet) as following:
        found = work(installation, following)
    print_built(found, as_json=as_json)


def _say_nothing(nothing: NothingToRetry, as_json: bool) -> None:
    if as_json:
        print_json({"task_id": None, "detail": str(nothing)})
    else:
        say(str(nothing))
