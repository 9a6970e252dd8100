"""`fileintel config …`"""

import json
from typing import Any

import typer

from fileintel.cli.context import Json, invocation
from fileintel.cli.output import print_json, print_table

app = typer.Typer(help="The settings in effect.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """The settings in effect."""


@app.command()
def show(context: typer.Context, as_json: Json = False) -> None:
    """Print every setting with its value and where it came from; secrets are not shown."""
    origins = [vars(origin) for origin in invocation(context).settings.origins()]
    if as_json:
        print_json(origins)
    else:
        print_table(("key", "value", "origin"), ({**o, "value": _as_yaml(o["value"])} for o in origins), "no settings")


def _as_yaml(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
