"""`fileintel documents …`"""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fileintel.cli.context import Collection, Json, invocation, named
from fileintel.cli.output import fields_of, one_line, print_fields, print_json, print_table, say, unread_pages
from fileintel.errors import EXIT_FAILED
from fileintel.installation.contract import Installation, Row, rows

if TYPE_CHECKING:
    from fileintel.services.documents import OfDocument

app = typer.Typer(help="The files of a collection.", no_args_is_help=True)
COLUMNS = ("name", "pages", "characters", "title", "id")
COLUMNS_WITH_GAPS = ("name", "pages", "characters", "gaps", "title", "id")
GAPS_SHOWN = 10  # of one document
KINDS_NAMED = 5  # of files that are left alone
SHOWN_APART = ("title", "metadata", "metadata_from", "extraction", "gaps")

Document = Annotated[str, typer.Argument(help="Id or file name of a document.", show_default=False, callback=named)]
InCollection = Annotated[str | None, typer.Option("--collection", "-c", help="Where to look for the name.")]


@app.command()
def add(
    context: typer.Context,
    collection: Collection,
    paths: Annotated[list[str], typer.Argument(help="Files, folders, globs.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Add files, folders, globs to a collection.

    PDF, EPUB, DOCX, HTML, Markdown and plain text are read. What is there already, byte for byte, is left alone.
    Files of other kinds in folders are counted on stderr, as are broken links, pipes and the like. Files that cannot be
    read are told there, and the command ends with 1 when there were any, although the others are in the collection.
    """
    additions = []
    with invocation(context).installation() as installation:
        for addition in installation.documents.add(collection, paths):
            additions.append(addition)
            if addition["problem"]:
                say(f"error: {one_line(addition['problem'])}")
            elif not as_json:
                print(_told(addition))
                _tell_of_gaps(addition["document"])
    _tell_of_others(paths)
    failed = sum(1 for addition in additions if addition["problem"])
    if as_json:
        print_json(additions)
    elif failed:
        say(f"{len(additions) - failed} of {len(additions)} files are in the collection, {failed} could not be read")
    if failed:
        sys.exit(EXIT_FAILED)


@app.command("list")
def list_all(context: typer.Context, collection: Collection, as_json: Json = False) -> None:
    """List the documents of a collection."""
    from fileintel.services.documents import Documents, list_documents

    with invocation(context).installation() as installation:
        found = rows(installation, list_documents, Documents(collection=collection))
    if as_json:
        print_json(found)
    else:
        listed = [dict(fields_of(document)) for document in found]
        columns = COLUMNS_WITH_GAPS if any(document["gaps"] for document in listed) else COLUMNS
        shown = [{**document, "gaps": _gap_count(document)} for document in _told_apart(listed)]
        print_table(
            columns, shown, f"no documents yet: `fileintel documents add {shlex.quote(collection)} PATH` adds some"
        )


@app.command()
def show(context: typer.Context, document: Document, collection: InCollection = None, as_json: Json = False) -> None:
    """Show what is known of a document."""
    from fileintel.cli.results import print_metadata
    from fileintel.services.documents import show_document

    with invocation(context).installation() as installation:
        found = installation.do(show_document, located(installation, document, collection))
    if as_json:
        print_json(found)
        return
    print_fields({name: value for name, value in fields_of(found).items() if name not in SHOWN_APART})
    print_metadata(found)
    _tell_of_gaps(found.model_dump())


@app.command()
def text(
    context: typer.Context,
    document: Document,
    collection: InCollection = None,
    page: Annotated[int | None, typer.Option(min=1, help="Only this page, from 1.")] = None,
) -> None:
    """Print a document's text, or that of one page."""
    with invocation(context).installation() as installation:
        for part in installation.documents.text(document, collection, page):
            print(part, end="")
    print()


@app.command()
def delete(context: typer.Context, document: Document, collection: InCollection = None, as_json: Json = False) -> None:
    """Delete a document. Its traces leave the index when that is built again."""
    from fileintel.services.documents import delete_document

    with invocation(context).installation() as installation:
        found = installation.do(delete_document, located(installation, document, collection))
    if as_json:
        print_json(found)
    else:
        say(f"deleted {found.name}; `fileintel graphrag index` takes it out of the index")


def located(installation: Installation, document: str, collection: str | None) -> "OfDocument":
    """The document that was named, in its collection; that of any collection when none was named."""
    from fileintel.services.documents import DocumentAnywhere, OfDocument, find_document

    if collection is None:
        found = installation.do(find_document, DocumentAnywhere(document=document))
        return OfDocument(collection=found.collection_id, document=found.id)
    return OfDocument(collection=collection, document=document)


def _tell_of_others(paths: Sequence[str]) -> None:
    from fileintel.services.documents import SUPPORTED, passed_over

    others = passed_over(paths)
    by_number = sorted(others.items(), key=lambda each: (-each[1], each[0]))
    kinds = [f"{count} {one_line(ending) or 'without an ending'}" for ending, count in by_number[:KINDS_NAMED]]
    more = ", …" if len(by_number) > KINDS_NAMED else ""
    if total := others.total():
        files = f"{total} file{'' if total == 1 else 's'} of other kinds"
        say(f"left alone: {files} ({', '.join(kinds)}{more}); supported are {SUPPORTED}")


def _tell_of_gaps(document: Row) -> None:
    """What of a document could not be read."""
    for gap in document["gaps"][:GAPS_SHOWN]:
        print("  " + unread_pages(document["name"], gap["first_page"], gap["last_page"], gap["reason"]))
    if (more := len(document["gaps"]) - GAPS_SHOWN) > 0:
        print(f"  and {more} more: `fileintel documents show {document['id']} --json` lists them all")


def _gap_count(document: Row) -> int | str:
    return sum(gap["last_page"] - gap["first_page"] + 1 for gap in document["gaps"]) or ""


def _told_apart(found: Sequence[Row]) -> list[Row]:
    """The documents, those of one name with as much of their path before it as it takes to tell them apart."""
    named: dict[str, list[str]] = {}
    for document in found:
        named.setdefault(document["name"], []).append(document["source"])
    return [{**document, "name": _told_name(document, named[document["name"]])} for document in found]


def _told_name(document: Row, sources: Sequence[str]) -> str:
    name, own = document["name"], Path(document["source"]).parts
    others = [Path(source).parts for source in sources if source != document["source"]]
    if len(sources) < 2 or not own or own[-1] != name:
        return str(name)
    length = next((n for n in range(1, len(own)) if all(other[-n:] != own[-n:] for other in others)), len(own))
    return str(Path(*own[-length:]))


def _told(addition: Row) -> str:
    name, pages = addition["document"]["name"], addition["document"]["pages"]
    if not addition["already_there"]:
        return f"{name}: {pages} page{'' if pages == 1 else 's'}"
    given = one_line(Path(addition["path"]).name)
    return f"{given}: already there" + ("" if given == name else f", as {name}")
