"""`fileintel graphrag …`"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fileintel.cli import asking, prompts
from fileintel.cli.context import LARGEST_INTEGER, Collection, Json, Quiet, invocation
from fileintel.cli.output import confirm, fields_of, plain, print_json, print_table, say
from fileintel.errors import EXIT_FAILED, EXIT_UNAVAILABLE
from fileintel.installation.contract import WaitOptions, rows

if TYPE_CHECKING:
    from fileintel.installation.contract import Built
    from fileintel.services.export_check import ExportCheck

app = typer.Typer(help="The knowledge graph of a collection: build it, look at it, ask it.", no_args_is_help=True)
app.add_typer(prompts.app, name="prompts")

Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many to list.")]
After = Annotated[
    int | None, typer.Option(min=0, max=LARGEST_INTEGER, help="Only those after this ID (human_readable_id).")
]
Level = Annotated[
    int | None, typer.Option(min=0, max=LARGEST_INTEGER, help="Only communities of this level; 0 = the largest.")
]
Method = Literal["standard", "fast"]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for the end; without a service this is always so.")]
CancelOnInterrupt = Annotated[
    bool, typer.Option("--cancel-on-interrupt", help="Let Ctrl-C cancel the run, instead of leaving it.")
]
Matching = Annotated[str | None, typer.Option(help="Only those with this text in their names.")]


@app.command()
def index(
    context: typer.Context,
    collection: Collection,
    wait: Wait = False,
    force: Annotated[bool, typer.Option("--force", help="Build a new version even if nothing has changed.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask the model everything again.")] = False,
    method: Annotated[
        Method | None,
        typer.Option(help="fast: the graph from the names in the texts, without the model.", show_default=False),
    ] = None,
    cancel_on_interrupt: CancelOnInterrupt = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Build the index, or bring it up to date.

    What was answered before is not asked again. A run that was interrupted goes on where it was. With a service
    (FILEINTEL_API_URL) the run is handed to its workers, and Ctrl-C leaves it to them.
    """
    options = {"force": force, "fresh": fresh, "method": method}
    _build(context, collection, options, WaitOptions(wait, cancel_on_interrupt), quiet=quiet, as_json=as_json)


@app.command()
def rebuild(
    context: typer.Context,
    collection: Collection,
    fresh_from: Annotated[
        str | None,
        typer.Option("--from", metavar="STAGE", help="Ask again from this stage on: extract, describe, report, embed…"),
    ] = None,
    wait: Wait = False,
    cancel_on_interrupt: CancelOnInterrupt = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Build a new version in any case. With --from, the model is asked anew from a stage on."""
    options = {"force": True, "fresh_from": fresh_from}
    _build(context, collection, options, WaitOptions(wait, cancel_on_interrupt), quiet=quiet, as_json=as_json)


@app.command()
def status(context: typer.Context, collection: Collection, as_json: Json = False) -> None:
    """Show how the newest run went, and what is missing."""
    from fileintel.cli.results import print_status
    from fileintel.services.status import IndexRun, show_index_status

    with invocation(context).installation() as installation:
        found = installation.do(show_index_status, IndexRun(collection=collection))
    if as_json:
        print_json(found)
    else:
        print_status(found, by_service=invocation(context).has_service)


app.command()(asking.query)


@app.command()
def entities(
    context: typer.Context,
    collection: Collection,
    limit: Limit = 50,
    after: After = None,
    matching: Matching = None,
    as_json: Json = False,
) -> None:
    """List the entities."""
    from fileintel.services.graph import NamedRows, list_entities

    columns = ("human_readable_id", "title", "type", "degree", "frequency", "description")
    wanted = NamedRows(collection=collection, after=after, matching=matching)
    with invocation(context).installation() as installation:
        found = rows(installation, list_entities, wanted, limit)
    _print_rows(found, columns, as_json, "no entities")


@app.command()
def relationships(
    context: typer.Context,
    collection: Collection,
    limit: Limit = 50,
    after: After = None,
    matching: Matching = None,
    as_json: Json = False,
) -> None:
    """List the relationships."""
    from fileintel.services.graph import NamedRows, list_relationships

    columns = ("human_readable_id", "source", "target", "weight", "combined_degree", "description")
    wanted = NamedRows(collection=collection, after=after, matching=matching)
    with invocation(context).installation() as installation:
        found = rows(installation, list_relationships, wanted, limit)
    _print_rows(found, columns, as_json, "no relationships")


@app.command()
def communities(
    context: typer.Context,
    collection: Collection,
    limit: Limit = 50,
    after: After = None,
    level: Level = None,
    as_json: Json = False,
) -> None:
    """List the communities."""
    from fileintel.services.graph import LevelRows, list_communities

    columns = ("human_readable_id", "community", "level", "parent", "size", "residual")
    wanted = LevelRows(collection=collection, after=after, level=level)
    with invocation(context).installation() as installation:
        found = rows(installation, list_communities, wanted, limit)
    shown: list[Any] = found
    if not as_json:  # in the table format, the parent of a community without one is -1
        shown = [{**fields_of(row), "parent": None if row.parent == -1 else row.parent} for row in found]
    _print_rows(shown, columns, as_json, "no communities")


@app.command()
def community(
    context: typer.Context,
    collection: Collection,
    number: Annotated[
        int, typer.Argument(min=0, max=LARGEST_INTEGER, help="The community's number.", show_default=False)
    ],
    evidence: Annotated[
        bool, typer.Option("--context", help="Show what the model was given to write the report.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show one community: its members and its report."""
    from fileintel.cli.results import print_community, print_context
    from fileintel.services.graph import OfCommunity, show_community, show_context

    wanted = OfCommunity(collection=collection, number=number)
    with invocation(context).installation() as installation:
        if evidence:
            written_from = installation.do(show_context, wanted)
            if as_json:
                print_json(written_from)
            else:
                print_context(written_from)
            return
        found = installation.do(show_community, wanted)
    if as_json:
        print_json(found)
    else:
        print_community(found)


@app.command()
def reports(
    context: typer.Context,
    collection: Collection,
    limit: Limit = 50,
    after: After = None,
    level: Level = None,
    as_json: Json = False,
) -> None:
    """List the community reports."""
    from fileintel.services.graph import LevelRows, list_reports

    columns = ("human_readable_id", "community", "level", "rank", "title", "summary")
    wanted = LevelRows(collection=collection, after=after, level=level)
    with invocation(context).installation() as installation:
        found = rows(installation, list_reports, wanted, limit)
    _print_rows(found, columns, as_json, "no reports")


@app.command()
def export(
    context: typer.Context,
    collection: Collection,
    directory: Annotated[Path, typer.Argument(help="Where to write; made if missing.", show_default=False)],
    check: Annotated[
        bool, typer.Option("--check", help="Read the folder back with graphrag's own readers (fileintel[graphrag]).")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write the index as graphrag 3.x parquet tables and GraphML."""
    from fileintel.services.export_check import check_export, require_graphrag

    if check:
        require_graphrag()
    with invocation(context).installation() as installation:
        written = installation.graph.export(collection, directory)
    checked = check_export(directory) if check else None
    if as_json:
        found = {"check": checked.model_dump()} if checked else {}
        print_json({"directory": str(directory), "rows": written, **found})
    else:
        for name, count in written.items():
            print(f"{directory / name}: {count} rows")
        if checked:
            _print_check(checked)
    if checked and checked.problems:
        sys.exit(EXIT_FAILED)


def _print_check(checked: "ExportCheck") -> None:
    print(f"read back by graphrag {checked.graphrag}:")
    for table, count in checked.tables.items():
        print(f"  {table}: {count} rows")
    for kind, found in checked.embeddings.items():
        print(f"  embeddings.{kind}: {found.vectors} vectors of {found.size} numbers")
    for problem in checked.problems:
        print(f"  problem: {problem}")
    if not checked.problems:
        print("  all columns are graphrag's, and every reference leads somewhere")


@app.command("import")
def import_(
    context: typer.Context,
    collection: Collection,
    directory: Annotated[Path, typer.Argument(help="The folder with graphrag's parquet tables.", show_default=False)],
    no_embed: Annotated[
        bool, typer.Option("--no-embed", help="Make no vectors; the index can be looked at, not asked.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take over an index that graphrag made, of any version; the collection is made if need be."""
    from fileintel.cli.results import print_import

    with invocation(context).installation() as installation:
        taken = installation.graph.take_over(collection, directory, vectors=not no_embed)
    if as_json:
        print_json(taken)
    else:
        print_import(taken)


@app.command()
def delete(
    context: typer.Context,
    collection: Collection,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Delete all versions of the index. Documents and stored answers are kept."""
    from fileintel.operations.types import OfCollection
    from fileintel.services.graph import delete_index

    with invocation(context).installation() as installation:
        if not yes:
            confirm(f"Delete the index of {collection}?")
        versions = installation.do(delete_index, OfCollection(collection=collection)).versions
    if as_json:
        print_json({"collection": collection, "versions": versions})
    else:
        say(f"deleted {versions} index version{'' if versions == 1 else 's'} of {collection}; the documents stay")


@app.command("system-status")
def system_status(context: typer.Context, as_json: Json = False) -> None:
    """Check the database and the model servers."""
    from fileintel.operations import Nothing
    from fileintel.services.health import check_system

    with invocation(context).installation() as installation:
        parts = installation.do(check_system, Nothing())
    if as_json:
        print_json(parts)
    else:
        for part in parts:
            print(f"{part.part:<15}  {part.state:<6}  {plain(part.detail)}")
    if any(part.state != "ok" for part in parts):
        sys.exit(EXIT_UNAVAILABLE)


def _build(
    context: typer.Context,
    collection: str,
    options: dict[str, Any],
    wait_options: WaitOptions,
    *,
    quiet: bool,
    as_json: bool,
) -> None:
    from fileintel.cli.progress import Following
    from fileintel.services.indexing import index_request

    request = index_request(collection, **options)
    with invocation(context).installation() as installation, Following(quiet=quiet) as following:
        found = installation.graph.index(request, following, wait_options)
    print_built(found, as_json=as_json)


def print_built(found: "Built", *, as_json: bool) -> None:
    """Print what an index run has built and end with its exit code; or print the run that was taken on."""
    from fileintel.cli.results import exit_code, print_index
    from fileintel.services.runs import TakenOn

    if isinstance(found, TakenOn):  # handed over, and not waited for
        if as_json:
            print_json(found)
        else:
            print(found.task_id)
            say(f"`fileintel tasks wait {found.task_id}` follows it")
        return
    if as_json:
        print_json(found)
    else:
        print_index(found)
    sys.exit(exit_code(found.state))


def _print_rows(rows: Sequence[Any], columns: tuple[str, ...], as_json: bool, none: str) -> None:
    if as_json:
        print_json(rows)
    else:
        print_table(columns, rows, none)
