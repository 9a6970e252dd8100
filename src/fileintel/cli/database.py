"""`fileintel db …`"""

import typer

from fileintel.cli.context import invocation
from fileintel.cli.output import say

app = typer.Typer(help="The database and its schema.", no_args_is_help=True)


@app.command()
def upgrade(context: typer.Context) -> None:
    """Bring the database to this version's schema. Safe to repeat."""
    from fileintel.services import database

    with invocation(context).workspace() as workspace:
        say(f"the database is at schema {database.upgrade(workspace)}")


@app.command()
def current(context: typer.Context) -> None:
    """Print the schema that the database stands at."""
    from fileintel.services import database

    with invocation(context).workspace() as workspace:
        print(database.revision(workspace) or "none")
