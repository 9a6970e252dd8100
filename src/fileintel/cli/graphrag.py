"""`fileintel graphrag …`"""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from fileintel.cli.context import Collection, Json, invocation
from fileintel.cli.interrupt import Interrupted, Stop
from fileintel.cli.output import confirm, plain, print_json, print_table, say
from fileintel.errors import EXIT_INTERRUPTED, EXIT_UNAVAILABLE

app = typer.Typer(help="The knowledge graph of a collection: build it, look at it, ask it.", no_args_is_help=True)

Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many to list.")]
After = Annotated[int | None, typer.Option(help="Only those after this ID (human_readable_id).")]
Level = Annotated[int | None, typer.Option(min=0, help="Only communities of this level; 0 = the largest.")]
Matching = Annotated[str | None, typer.Option(help="Only those with this text in their names.")]


@app.command()
def index(
    context: typer.Context,
    collection: Collection,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the end; without a service this is always so.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Build a new version even if nothing has changed.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask the model everything again.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    as_json: Json = False,
) -> None:
    """Build the index, or bring it up to date.

    What was answered before is not asked again. A run that was interrupted goes on where it was.
    """
    del wait  # the work is done in this process
    _build(context, collection, force=force, fresh=fresh, quiet=quiet, as_json=as_json)


@app.command()
def rebuild(
    context: typer.Context,
    collection: Collection,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    as_json: Json = False,
) -> None:
    """Build a new version in any case, as `index --force` does."""
    _build(context, collection, force=True, fresh=False, quiet=quiet, as_json=as_json)


@app.command()
def status(context: typer.Context, collection: Collection, as_json: Json = False) -> None:
    """Show how the newest run went, and what is missing."""
    from fileintel.cli.results import print_status
    from fileintel.services.status import index_status

    with invocation(context).workspace() as workspace:
        found = index_status(workspace, collection)
    if as_json:
        print_json(found)
    else:
        print_status(found)


@app.command()
def query(
    context: typer.Context,
    collection: Collection,
    question: Annotated[str, typer.Argument(help="The question.", show_default=False)],
    mode: Annotated[str, typer.Option(help="local: about particular things; global: about the whole.")] = "local",
    as_json: Json = False,
) -> None:
    """Answer a question from the index, with citations."""
    from fileintel.cli.results import print_answer
    from fileintel.services.questions import ask

    with invocation(context).workspace() as workspace:
        reply = ask(workspace, collection, question, mode)
    if as_json:
        print_json(reply)
    else:
        print_answer(reply)


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
    from fileintel.services import graph

    columns = ("human_readable_id", "title", "type", "degree", "frequency", "description")
    with invocation(context).workspace() as workspace:
        rows = graph.list_entities(workspace, collection, graph.Slice(limit, after), matching)
    _print_rows(rows, columns, as_json, "no entities")


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
    from fileintel.services import graph

    columns = ("human_readable_id", "source", "target", "weight", "combined_degree", "description")
    with invocation(context).workspace() as workspace:
        rows = graph.list_relationships(workspace, collection, graph.Slice(limit, after), matching)
    _print_rows(rows, columns, as_json, "no relationships")


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
    from fileintel.services import graph

    columns = ("human_readable_id", "community", "level", "parent", "size", "residual")
    with invocation(context).workspace() as workspace:
        rows = graph.list_communities(workspace, collection, graph.Slice(limit, after), level)
    if not as_json:  # in the table format, the parent of a community without one is -1
        rows = [{**row, "parent": None if row["parent"] == -1 else row["parent"]} for row in rows]
    _print_rows(rows, columns, as_json, "no communities")


@app.command()
def community(
    context: typer.Context,
    collection: Collection,
    number: Annotated[int, typer.Argument(help="The community's number.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Show one community: its members and its report."""
    from fileintel.cli.results import print_community
    from fileintel.services import graph

    with invocation(context).workspace() as workspace:
        found = graph.show_community(workspace, collection, number)
    if as_json:
        print_json(found)
        return
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
    from fileintel.services import graph

    columns = ("human_readable_id", "community", "level", "rank", "title", "summary")
    with invocation(context).workspace() as workspace:
        rows = graph.list_reports(workspace, collection, graph.Slice(limit, after), level)
    _print_rows(rows, columns, as_json, "no reports")


@app.command()
def export(
    context: typer.Context,
    collection: Collection,
    directory: Annotated[Path, typer.Argument(help="Where to write; made if missing.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Write the index as graphrag 3.x parquet tables and GraphML."""
    from fileintel.services import graph

    with invocation(context).workspace() as workspace:
        written = graph.export(workspace, collection, directory)
    if as_json:
        print_json({"directory": str(directory), "rows": written})
        return
    for name, rows in written.items():
        print(f"{directory / name}: {rows} rows")


@app.command()
def delete(
    context: typer.Context,
    collection: Collection,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Delete all versions of the index. Documents and stored answers are kept."""
    from fileintel.services import graph

    with invocation(context).workspace() as workspace:
        if not yes:
            confirm(f"Delete the index of {collection}?")
        versions = graph.delete_index(workspace, collection)
    if as_json:
        print_json({"collection": collection, "versions": versions})
    else:
        say(f"deleted {versions} index version{'' if versions == 1 else 's'} of {collection}; the documents stay")


@app.command("system-status")
def system_status(context: typer.Context, as_json: Json = False) -> None:
    """Check the database and the model servers."""
    from fileintel.services.health import check

    with invocation(context).workspace() as workspace:
        parts = check(workspace)
    if as_json:
        print_json(parts)
    else:
        for part in parts:
            print(f"{part['part']:<15}  {part['state']:<6}  {plain(part['detail'])}")
    if any(part["state"] != "ok" for part in parts):
        sys.exit(EXIT_UNAVAILABLE)


def _build(context: typer.Context, collection: str, *, force: bool, fresh: bool, quiet: bool, as_json: bool) -> None:
    from fileintel.cli import progress
    from fileintel.cli.results import print_index
    from fileintel.graphrag.pipeline import Stopped
    from fileintel.services import graph
    from fileintel.services.indexing import Indexer, IndexRequest
    from fileintel.services.status import exit_code, index_status, status_in_use

    with invocation(context).workspace() as workspace, Stop().heard() as stop:
        display = progress.choose(quiet)
        indexer = Indexer(workspace, stopping=lambda: stop.asked, observe=display.show)
        try:
            run_id = indexer.index(IndexRequest(collection, force=force, fresh=fresh))
        except (Stopped, Interrupted):
            display.close()
            again = f"fileintel graphrag index {shlex.quote(collection)}"
            say(f"stopped; every answer so far is kept: `{again}` goes on from here")
            sys.exit(EXIT_INTERRUPTED)
        finally:
            display.close()
        found = status_in_use(workspace, collection) if run_id is None else index_status(workspace, collection)
        if as_json:
            print_json({**found, "up_to_date": run_id is None})
        else:
            print_index(found, graph.levels(workspace, collection), up_to_date=run_id is None)
    sys.exit(exit_code(found))


def _print_rows(rows: list[dict[str, Any]], columns: tuple[str, ...], as_json: bool, none: str) -> None:
    if as_json:
        print_json(rows)
    else:
        print_table(columns, rows, none)
