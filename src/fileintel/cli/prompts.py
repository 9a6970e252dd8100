"""`fileintel graphrag prompts …`"""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from fileintel.cli import prompt_files
from fileintel.cli.context import Collection, Json, invocation
from fileintel.cli.output import plain, print_json, print_table, say

app = typer.Typer(help="What the model is asked, for each collection.", no_args_is_help=True)

COLUMNS = ("name", "origin", "characters", "sha256")
Names = Annotated[list[str] | None, typer.Argument(help="Names of prompts; none: all.", show_default=False)]


@app.command("list")
def list_all(context: typer.Context, collection: Collection, as_json: Json = False) -> None:
    """List the prompts in effect, and where each comes from."""
    with invocation(context).installation() as installation:
        found = installation.prompts.all(collection)
    if as_json:
        print_json(found)
    else:
        print_table(COLUMNS, [{**one, "sha256": one["sha256"][:12]} for one in found], "no prompts")


@app.command()
def export(
    context: typer.Context,
    collection: Collection,
    directory: Annotated[Path, typer.Argument(help="Where to write; made if missing.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Write the prompts in effect into a folder, to be changed and set."""
    with invocation(context).installation() as installation:
        found = installation.prompts.all(collection)
    written = prompt_files.write({one["name"]: one["text"] for one in found}, directory)
    if as_json:
        print_json({"directory": str(directory), "files": [path.name for path in written]})
        return
    for path in written:
        print(path)


@app.command("set")
def set_own(
    context: typer.Context,
    collection: Collection,
    paths: Annotated[
        list[Path], typer.Argument(help="Files that are named like prompts, or folders of such.", show_default=False)
    ],
    as_json: Json = False,
) -> None:
    """Let a collection have prompts of its own, from its next index or question on."""
    with invocation(context).installation() as installation:
        known = {one["name"]: one["text"] for one in installation.prompts.all(collection)}
        texts = prompt_files.read(paths, known)
        changed = {name: text for name, text in texts.items() if text != known[name]}
        names = installation.prompts.set(collection, changed) if changed else []
    if as_json:
        print_json({"collection": collection, "prompts": names})
    else:
        say(f"{collection} has its own {', '.join(names)}" if names else "nothing differs from what is in effect")


@app.command()
def reset(context: typer.Context, collection: Collection, names: Names = None, as_json: Json = False) -> None:
    """Take a collection's own prompts away: the installation's are in effect again."""
    with invocation(context).installation() as installation:
        gone = installation.prompts.reset(collection, names or [])
    if as_json:
        print_json({"collection": collection, "prompts": gone})
    else:
        say(f"took away {', '.join(gone)}" if gone else f"{collection} had none of its own")


@app.command()
def tune(
    context: typer.Context,
    collection: Collection,
    output: Annotated[
        Path | None, typer.Option(help="Write the prompts there, and change nothing.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Fit prompts, language and entity types to a collection.

    The model is shown excerpts, and asked what the collection is about; passages of it become examples.
    """
    with invocation(context).installation() as installation:
        tuned = installation.prompts.tune(collection, keep=output is None)
    texts = tuned.pop("prompts")
    written = [] if output is None else prompt_files.write(texts, output)
    if as_json:
        print_json({**tuned, "prompts": sorted(texts), "files": [str(path) for path in written]})
        return
    print(f"domain        {plain(tuned['domain'])}")
    print(f"language      {plain(tuned['language'])}")
    print(f"entity types  {plain(', '.join(tuned['entity_types']))}")
    print(f"examples      {tuned['examples']}")
    print(f"prompts       {', '.join(map(str, written) if written else sorted(texts))}")
    if not written:
        say(f"{collection} has them; `fileintel graphrag index {shlex.quote(collection)}` builds its index with them")
