"""`fileintel cache …`"""

from typing import Annotated

import typer

from fileintel.cli.context import Json, invocation
from fileintel.cli.output import print_json, print_table, say

app = typer.Typer(help="The answers of the model that are stored, for all collections.", no_args_is_help=True)
COLUMNS = ("model", "purpose", "answers", "bytes", "hits", "oldest", "newest", "last_used")
CHECKED = ("model", "purpose", "answers", "cut_short")
REMOVED = ("model", "purpose", "answers", "bytes", "kept")


@app.command()
def stats(context: typer.Context, as_json: Json = False) -> None:
    """Show how many answers are stored, how large they are and how often they were used."""
    from fileintel.operations import Nothing
    from fileintel.services.cache import show_cache

    with invocation(context).installation() as installation:
        found = installation.do(show_cache, Nothing())
    if as_json:
        print_json(found)
        return
    print(f"{found.answers:,} answers, {found.bytes:,} bytes on disk, used again {found.hits:,} times")
    print_table(COLUMNS, found.groups, "no answers yet")


@app.command()
def prune(
    context: typer.Context,
    unused_for: Annotated[
        str | None, typer.Option(metavar="AGE", help="Those that were not used for so long: 90d, 12h, 2w.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Those of this model.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    as_json: Json = False,
) -> None:
    """Remove stored answers. Where both conditions are given, both must hold. What a run in progress may need stays."""
    from fileintel.services.cache import Pruning, prune_cache

    with invocation(context).installation() as installation:
        removed = installation.do(prune_cache, Pruning(unused_for=unused_for, model=model, dry_run=dry_run))
    if as_json:
        print_json(removed)
        return
    print_table(REMOVED, removed.groups, "there is nothing to remove")
    verb = "would be removed" if dry_run else "removed"
    kept = f"; {removed.kept:,} stay, because a run in progress may need them" if removed.kept else ""
    say(f"{removed.answers:,} answers ({removed.bytes:,} bytes) {verb}{kept}")


@app.command()
def check(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is not whole, and mark nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Find stored answers that are not whole. The next run that needs one of them asks for it again."""
    from fileintel.services.cache import CheckRequest, check_cache

    with invocation(context).installation() as installation:
        found = installation.do(check_cache, CheckRequest(dry_run=dry_run))
    if as_json:
        print_json(found)
        return
    print_table(CHECKED, [group for group in found.groups if group.cut_short], "all of them are whole")
    say(f"{found.cut_short:,} of {found.answers:,} answers are not whole" + (", and marked now" * (not dry_run)))
