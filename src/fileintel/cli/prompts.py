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
    from fileintel.operations.types import OfCollection
    from fileintel.services.prompts import list_prompts

    with invocation(context).installation() as installation:
        found = installation.do(list_prompts, OfCollection(collection=collection))
    if as_json:
        print_json(found)
    else:
        print_table(COLUMNS, [one.model_copy(update={"sha256": one.sha256[:12]}) for one in found], "no prompts")


@app.command()
def export(
    context: typer.Context,
    collection: Collection,
    directory: Annotated[Path, typer.Argument(help="Where to write; made if missing.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Write the prompts in effect into a folder, to be changed and set."""
    from fileintel.operations.types import OfCollection
    from fileintel.services.prompts import list_prompts

    with invocation(context).installation() as installation:
        found = installation.do(list_prompts, OfCollection(collection=collection))
    written = prompt_files.write({one.name: one.text for one in found}, directory)
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
    from fileintel.operations.types import OfCollection
    from fileintel.services.prompts import PromptTexts, list_prompts, set_prompts

    names: list[str] = []
    with invocation(context).installation() as installation:
        found = installation.do(list_prompts, OfCollection(collection=collection))
        known = {one.name: one.text for one in found}
        texts = prompt_files.read(paths, known)
        changed = {name: text for name, text in texts.items() if text != known[name]}
        if changed:
            names = installation.do(set_prompts, PromptTexts(collection=collection, texts=changed)).names
    if as_json:
        print_json({"collection": collection, "prompts": names})
    else:
        say(f"{collection} has its own {', '.join(names)}" if names else "nothing differs from what is in effect")


@app.command()
def reset(context: typer.Context, collection: Collection, names: Names = None, as_json: Json = False) -> None:
    """Take a collection's own prompts away: the installation's are in effect again."""
    from fileintel.operations.types import OfCollection
    from fileintel.services.prompts import OfPrompt, reset_prompt, reset_prompts

    with invocation(context).installation() as installation:
        if names:
            wanted = [OfPrompt(collection=collection, name=name) for name in names]
            gone = [name for one in wanted for name in installation.do(reset_prompt, one).names]
        else:
            gone = installation.do(reset_prompts, OfCollection(collection=collection)).names
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
    from fileintel.services.prompts import Tuning, tune_prompts

    with invocation(context).installation() as installation:
        tuned = installation.do(tune_prompts, Tuning(collection=collection, keep=output is None))
    texts = tuned.prompts
    written = [] if output is None else prompt_files.write(texts, output)
    if as_json:
        shown = tuned.model_dump(exclude={"prompts"})
        print_json({**shown, "prompts": sorted(texts), "files": [str(path) for path in written]})
        return
    print(f"domain        {plain(tuned.domain)}")
    print(f"language      {plain(tuned.language)}")
    print(f"entity types  {plain(', '.join(tuned.entity_types))}")
    print(f"examples      {tuned.examples}")
    print(f"prompts       {', '.join(map(str, written) if written else sorted(texts))}")
    if not written:
        say(f"{collection} has them; `fileintel graphrag index {shlex.quote(collection)}` builds its index with them")
