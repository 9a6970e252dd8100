"""`fileintel up`, `down` and `ps`: the whole service on one machine."""

import os
from dataclasses import asdict
from typing import Annotated

import typer

from fileintel.cli.context import Json, invocation
from fileintel.cli.output import print_json, print_table, say
from fileintel.errors import FileIntelError

Host = Annotated[str | None, typer.Option(help="Address to listen on; by default the setting api.host.")]
Port = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Port of the API, 0 = any free one; by default api.port.")
]
Workers = Annotated[int, typer.Option(min=1, max=256, help="Processes for documents and other short tasks.")]


def up(
    context: typer.Context,
    port: Port = None,
    host: Host = None,
    workers: Workers = 4,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen to other machines although there is no key.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when it is ready; see `down`.")] = False,
) -> None:
    """Run the whole service here: database, broker, API and workers. Ctrl-C stops it.

    DATABASE_URL and CELERY_BROKER_URL name servers of your own; without them, embedded ones are started.
    """
    from fileintel.local.service import Options, command
    from fileintel.local.service_control import start_in_background
    from fileintel.local.service_environment import service_environment

    settings = invocation(context).settings
    environment = service_environment(settings, os.environ)
    options = Options(
        home=settings.home,
        host=settings.api.host if host is None else host,
        port=settings.api.port if port is None else port,
        workers=workers,
        detached=detach,
        insecure=insecure,
    )
    try:
        if not detach:
            arguments = command(options)
            os.chdir("/")
            os.execve(arguments[0], arguments, environment)  # this process is patched for greenlets; that one is not
        state = start_in_background(options, environment)
    except OSError as error:
        raise FileIntelError(f"cannot start the service: {error.filename or ''} {error.strerror or error}") from error
    say(f"ready: {state.url} (process {state.pid}), log in {state.log}; `fileintel down` stops it")
    print(state.url)


def down(
    context: typer.Context,
    now: Annotated[bool, typer.Option("--now", help="Do not let running tasks finish.")] = False,
) -> None:
    """Stop the service, and wait until it has ended. It is no error when none runs."""
    from fileintel.local.service_control import stop

    home = invocation(context).settings.home
    try:
        state = stop(home, now=now, say=say)
    except PermissionError as error:
        raise FileIntelError(f"the service in {home} is another user's: {error.strerror}") from error
    if state is None:
        say(f"no service is running in {home}")
    else:
        say(f"stopped the service at {state.url} (process {state.pid}): {', '.join(p.name for p in state.processes)}")


def ps(context: typer.Context, as_json: Json = False) -> None:
    """List the processes of the service, with the memory that each takes."""
    from fileintel.local.service_processes import process_rows
    from fileintel.local.service_state import running_service

    home = invocation(context).settings.home
    try:
        state = running_service(home)
    except PermissionError as error:
        raise FileIntelError(f"the service in {home} is another user's: {error.strerror}") from error
    if state is None:
        if as_json:
            print_json({"running": False, "home": str(home), "processes": []})
        else:
            print(f"no service is running in {home}")
        return
    rows = [asdict(row) for row in process_rows(home, state)]
    if as_json:
        known = {"home": str(home), "url": state.url, "pid": state.pid, "since": state.since, "log": state.log}
        print_json({"running": True, "ready": state.ready, **known, "processes": rows})
        return
    print(f"{state.url}{'' if state.ready else ' (not ready yet)'}")
    for row in rows:
        row["memory"] = f"{row['memory_bytes'] / 1e6:.0f} MB"
        row["since"] = (row["since"] or "")[:19]
    print_table(("name", "pid", "state", "since", "restarts", "memory"), rows, "no processes")
