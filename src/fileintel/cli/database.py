"""`fileintel db …`"""

import typer

from fileintel.cli.context import invocation
from fileintel.cli.output import say

app = typer.Typer(help="The database and its schema.", no_args_is_help=True)


@app.command()
def upgrade(context: typer.Context) -> None:
    """Bring the database to this version's schema. Safe to repeat."""
    from fileintel.storage import schema

    with invocation(context).workspace() as workspace:
        schema.upgrade(workspace.unchecked_database)
    say(f"the database is at schema {schema.HEAD}")


@app.command()
def current(context: typer.Context) -> None:
    """Print the schema that the database stands at."""
    from fileintel.storage import schema

    with invocation(context).workspace() as workspace:
        print(schema.revision(workspace.unchecked_database) or "none")
