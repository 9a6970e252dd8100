"""Pausing, resuming, cancelling and retrying: of a run by its id, or of the newest one of a collection."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from fileintel.cli.context import Collection, Json, Quiet, invocation
from fileintel.cli.graphrag import CancelOnInterrupt, Wait, print_built
from fileintel.cli.output import print_json, say
from fileintel.cli.progress import Following
from fileintel.cli.runs import RunId
from fileintel.errors import NothingToRetry
from fileintel.installation.contract import Installation, WaitOptions, Watcher, run_of

if TYPE_CHECKING:
    from fileintel.installation.contract import Built
    from fileintel.operations import Operation
    from fileintel.services.runs import OfRun, Run


def cancel_run(context: typer.Context, run: RunId, as_json: Json = False) -> None:
    """Ask a run to end. What it was answered so far is kept."""
    from fileintel.services.runs import cancel_run as cancel

    _steer(context, cancel, lambda there: run, as_json)


def pause_run(context: typer.Context, run: RunId, as_json: Json = False) -> None:
    """Ask a run to rest. It sends nothing more, keeps what is under way, and waits to be resumed."""
    from fileintel.services.runs import pause_run as pause

    _steer(context, pause, lambda there: run, as_json)


def resume_run(context: typer.Context, run: RunId, as_json: Json = False) -> None:
    """Let workers go on with a paused run."""
    from fileintel.services.runs import resume_run as resume

    _steer(context, resume, lambda there: run, as_json)


def retry_run(context: typer.Context, run: RunId, as_json: Json = False) -> None:
    """Let workers do what a run has left undone. That is the gaps of an index run, or a question that failed."""
    from fileintel.services.runs import OfRun, TakenOn
    from fileintel.services.runs import retry_run as retry

    try:
        with invocation(context).installation() as installation:
            accepted: TakenOn = installation.do(retry, OfRun(run=run))
        if not invocation(context).has_service:  # then it has no address
            accepted = TakenOn(task_id=accepted.task_id, run_id=accepted.run_id, is_new=accepted.is_new)
    except NothingToRetry as nothing:
        _say_nothing(nothing, as_json)
    else:
        print_built(accepted, as_json=as_json)


def cancel_newest(context: typer.Context, collection: Collection, as_json: Json = False) -> None:
    """Ask the run of a collection to end. What it was answered so far is kept."""
    from fileintel.services.runs import cancel_run as cancel

    _steer(context, cancel, lambda there: _newest_run(there, collection), as_json)


def pause_newest(context: typer.Context, collection: Collection, as_json: Json = False) -> None:
    """Ask the run of a collection to rest. It sends nothing more, keeps what is under way, and waits to be resumed."""
    from fileintel.services.runs import pause_run as pause

    _steer(context, pause, lambda there: _newest_run(there, collection), as_json)


def resume_newest(
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


def retry_newest(
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


def _newest_run(installation: Installation, collection: str) -> str:
    from fileintel.services.status import IndexRun, show_index_status

    return run_of(installation.do(show_index_status, IndexRun(collection=collection)))


def _steer(
    context: typer.Context,
    steer: "Operation[OfRun, Run]",
    which: Callable[[Installation], str],
    as_json: bool,
) -> None:
    from fileintel.services.runs import OfRun

    with invocation(context).installation() as installation:
        found = installation.do(steer, OfRun(run=which(installation)))
    if as_json:
        print_json(found)
    else:
        comes_to_rest = found.state == "paused" and found.owner
        say(f"{found.id}: {found.state}" + (", once what is under way has arrived" if comes_to_rest else ""))


def _work(context: typer.Context, work: "Callable[[Installation, Watcher], Built]", quiet: bool, as_json: bool) -> None:
    with invocation(context).installation() as installation, Following(quiet=quiet) as following:
        found = work(installation, following)
    print_built(found, as_json=as_json)


def _say_nothing(nothing: NothingToRetry, as_json: bool) -> None:
    if as_json:
        print_json({"task_id": None, "detail": str(nothing)})
    else:
        say(str(nothing))
