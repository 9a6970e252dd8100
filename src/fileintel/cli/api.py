"""`fileintel api`."""

import os
import sys
from typing import Annotated

import typer


def api(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on, instead of api.host.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port, instead of api.port; 0 = any.")] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen to other machines although there is no key.")
    ] = False,
) -> None:
    """Run the HTTP service. It sends work to Celery workers; `fileintel up` starts everything at once."""
    options = [f"--host={host}"] * (host is not None) + [f"--port={port}"] * (port is not None)
    options += ["--insecure"] * insecure
    options += [f"--set={assignment}" for assignment in context.find_root().params.get("settings") or ()]
    sys.stdout.flush()
    sys.stderr.flush()
    # this process is patched for greenlets, and uvicorn's event loop must not run in one that is
    os.execv(sys.executable, [sys.executable, "-m", "fileintel.api", *options])
