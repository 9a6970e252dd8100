"""`fileintel documents process`, `documents edit`, and `fileintel query`: what is made of documents without a graph."""

import sys
from typing import Annotated, Any

import typer

from fileintel.cli.context import Collection, Json, Quiet, invocation
from fileintel.cli.documents import Document, InCollection, located
from fileintel.cli.graphrag import CancelOnInterrupt, Wait
from fileintel.cli.output import print_json, say
from fileintel.errors import UsageError
from fileintel.installation.contract import WaitOptions
from fileintel.services.vocabulary import FIELDS

Text = Annotated[str | None, typer.Option(show_default=False)]
Clear = Annotated[
    list[str] | None,
    typer.Option(metavar="FIELD", help=f"Take back what a person has said: one of {', '.join(FIELDS)}. Repeatable."),
]


def process(
    context: typer.Context,
    collection: Collection,
    embed: Annotated[bool, typer.Option("--embed", help="Make the vectors that passages lack.")] = False,
    metadata: Annotated[
        bool, typer.Option("--metadata", help="Ask the model for title, authors, date and the like.")
    ] = False,
    wait: Wait = False,
    cancel_on_interrupt: CancelOnInterrupt = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Make vectors and metadata of a collection's documents.

    What is there is not made again, and nothing that was answered before is asked again. With neither option,
    documents that were cut with other settings are cut again.
    """
    from fileintel.cli.progress import Following
    from fileintel.cli.results import exit_code, print_processing
    from fileintel.services.processing import Processing, ProcessingOrder

    order = ProcessingOrder(collection=collection, embed=embed, metadata=metadata)
    options = WaitOptions(wait, cancel_on_interrupt)
    with invocation(context).installation() as installation, Following(quiet=quiet) as following:
        found = installation.documents.process(order, following, options)
    if as_json:
        print_json(found)
    for one in () if as_json else found:
        if isinstance(one, Processing):  # handed over, and not waited for
            print(one.task_id)
            say(f"{one.kind}: `fileintel tasks wait {one.task_id}` follows it")
        else:
            print_processing(one)
    sys.exit(max((exit_code(one.state) for one in found if not isinstance(one, Processing)), default=0))


def edit(
    context: typer.Context,
    document: Document,
    collection: InCollection = None,
    title: Text = None,
    author: Annotated[list[str] | None, typer.Option(help="Repeat it for several.")] = None,
    date: Annotated[str | None, typer.Option(help="Of writing or publication.")] = None,
    language: Text = None,
    document_type: Annotated[str | None, typer.Option("--type", help="Such as report or letter.")] = None,
    abstract: Text = None,
    keyword: Annotated[list[str] | None, typer.Option(help="Repeat it for several.")] = None,
    clear: Clear = None,
    as_json: Json = False,
) -> None:
    """Set what you know better about a document than its file or the model.

    Your values win and no extraction overwrites them; --clear falls back to what the model or the file says.
    """
    from fileintel.cli.results import print_metadata
    from fileintel.services.documents import MetadataChanges, edit_document

    given: dict[str, Any] = {
        "title": title,
        "authors": author or None,
        "date": date,
        "language": language,
        "document_type": document_type,
        "abstract": abstract,
        "keywords": keyword or None,
    }
    changes = {field: value for field, value in given.items() if value is not None}
    for field in clear or ():
        if field not in FIELDS:
            raise UsageError(f"there is no field {field!r}: use {', '.join(FIELDS)}")
        if field in changes:
            raise UsageError(f"{field} is to be set and cleared at once: do one of them")
        changes[field] = None
    if not changes:
        raise UsageError("there is nothing to change: give --title, --author or another option")
    with invocation(context).installation() as installation:
        place = located(installation, document, collection)
        request = MetadataChanges(collection=place.collection, document=place.document, **changes)
        found = installation.do(edit_document, request)
    if as_json:
        print_json(found)
    else:
        print_metadata(found)


def query(
    context: typer.Context,
    collection: Collection,
    question: Annotated[str, typer.Argument(help="The question.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Answer a question from the passages nearest to it, with citations.

    It needs their vectors (`fileintel documents process COLLECTION --embed`), and no index.
    """
    from fileintel.cli.results import print_answer

    with invocation(context).installation() as installation:
        reply = installation.documents.ask(collection, question)
    if as_json:
        print_json(reply)
    else:
        print_answer(reply)
