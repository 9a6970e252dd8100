"""`fileintel collections …`"""

from typing import Annotated, Any

import typer

from fileintel.cli.context import Collection, Json, invocation
from fileintel.cli.output import confirm, print_fields, print_json, print_table, say
from fileintel.errors import ConflictError, UsageError
from fileintel.installation.contract import rows

app = typer.Typer(help="Named sets of documents.", no_args_is_help=True)
COLUMNS = ("name", "documents", "indexed", "created_at", "description")


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the new collection.", show_default=False)],
    description: Annotated[str, typer.Option(help="What it holds.")] = "",
    exist_ok: Annotated[bool, typer.Option("--exist-ok", help="No error when it is there already.")] = False,
    as_json: Json = False,
) -> None:
    """Create an empty collection."""
    from fileintel.operations.types import OfCollection
    from fileintel.services.collections import NewCollection, create_collection, show_collection

    with invocation(context).installation() as installation:
        try:
            created = installation.do(create_collection, NewCollection(name=name, description=description))
        except ConflictError:
            if not exist_ok:
                raise
            created = installation.do(show_collection, OfCollection(collection=name))
    if as_json:
        print_json(created)
    else:
        print(f"collection {created.name} ({created.id})")


@app.command("list")
def list_all(context: typer.Context, as_json: Json = False) -> None:
    """List all collections."""
    from fileintel.operations import PageRequest
    from fileintel.services.collections import list_collections

    with invocation(context).installation() as installation:
        found = rows(installation, list_collections, PageRequest())
    if as_json:
        print_json(found)
    else:
        print_table(COLUMNS, found, "no collections yet: `fileintel collections create NAME` makes one")


@app.command()
def show(context: typer.Context, collection: Collection, as_json: Json = False) -> None:
    """Show one collection."""
    from fileintel.operations.types import OfCollection
    from fileintel.services.collections import show_collection

    with invocation(context).installation() as installation:
        found = installation.do(show_collection, OfCollection(collection=collection))
    if as_json:
        print_json(found)
    else:
        print_fields(found)


@app.command("set")
def change(
    context: typer.Context,
    collection: Collection,
    description: Annotated[str | None, typer.Option(help="What it holds.", show_default=False)] = None,
    language: Annotated[
        str | None,
        typer.Option(help="Language of all that the model writes; empty: as the settings say.", show_default=False),
    ] = None,
    entity_types: Annotated[
        str | None,
        typer.Option(help="What to look for, divided by commas; empty: as the settings say.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Change what a collection has of its own."""
    from fileintel.services.collections import CollectionChange, change_collection

    changes: dict[str, Any] = {}
    if description is not None:
        changes["description"] = description
    if language is not None:
        changes["language"] = language.strip() or None
    if entity_types is not None:
        changes["entity_types"] = [name.strip() for name in entity_types.split(",") if name.strip()] or None
    if not changes:
        raise UsageError("nothing to change: give --description, --language or --entity-types")
    with invocation(context).installation() as installation:
        changed = installation.do(change_collection, CollectionChange(collection=collection, **changes))
    if as_json:
        print_json(changed)
    else:
        print_fields(changed)


@app.command()
def delete(
    context: typer.Context,
    collection: Collection,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Delete a collection with its documents and its index. Stored answers are kept."""
    from fileintel.operations.types import OfCollection
    from fileintel.services.collections import delete_collection, show_collection

    with invocation(context).installation() as installation:
        found = installation.do(show_collection, OfCollection(collection=collection))
        if not yes:
            confirm(f"Delete {found.name} with {_documents(found.documents)}?")
        found = installation.do(delete_collection, OfCollection(collection=found.id))
    if as_json:
        print_json(found)
    else:
        say(f"deleted {found.name} with {_documents(found.documents)}")


def _documents(count: int) -> str:
    return "1 document" if count == 1 else f"{count} documents"
