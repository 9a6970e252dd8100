"""`fileintel worker …`: Celery workers, with the pool and the queues that belong together."""

import os
import sys
from typing import Annotated

import typer

from fileintel.cli.context import invocation
from fileintel.queues import CELERY, GRAPH_WORKER, MAIN_WORKER, WorkerKind

app = typer.Typer(help="Run a Celery worker of the service here, in the foreground.", no_args_is_help=True)

Pool = Annotated[str | None, typer.Option(help="Another pool: gevent, prefork, threads or solo.")]
Concurrency = Annotated[int | None, typer.Option(min=1, help="Greenlets, processes or threads.")]
More = Annotated[list[str] | None, typer.Argument(help="Options for Celery, after --.", show_default=False)]


@app.command()
def graph(context: typer.Context, pool: Pool = None, concurrency: Concurrency = None, more: More = None) -> None:
    """Build indexes and answer questions: the graph queues, with 100 greenlets.

    Where gevent is not to be had, --pool=prefork or --pool=threads does the same work.
    """
    _become(context, GRAPH_WORKER, pool, concurrency, more)


@app.command()
def main(context: typer.Context, pool: Pool = None, concurrency: Concurrency = None, more: More = None) -> None:
    """Read documents and do all other short work: the other queues, with 4 processes."""
    _become(context, MAIN_WORKER, pool, concurrency, more)


def _become(
    context: typer.Context, kind: WorkerKind, pool: str | None, concurrency: int | None, more: list[str] | None
) -> None:
    from fileintel.errors import ServiceUnavailable
    from fileintel.local.service_environment import service_environment

    settings = invocation(context).settings
    if settings.celery.broker_url is None:
        raise ServiceUnavailable(
            "no message broker is configured: set CELERY_BROKER_URL; `fileintel up` starts one with everything else"
        )
    # what --set has given reaches Celery's process only through its environment
    environment = service_environment(settings, os.environ)
    level = f"--loglevel={settings.log_level}"
    command = [sys.executable, "-m", *CELERY, *kind.options(pool, concurrency), level, *(more or ())]
    sys.stdout.flush()
    sys.stderr.flush()
    # this process is patched for greenlets; Celery patches its own by what its command line says
    os.execve(sys.executable, command, environment)
