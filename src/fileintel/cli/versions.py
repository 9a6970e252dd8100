"""`fileintel graphrag versions|rollback|diff|coverage`"""

from typing import TYPE_CHECKING, Annotated

import typer

from fileintel.cli.context import LARGEST_INTEGER, Collection, Json, invocation
from fileintel.cli.output import fields_of, one_line, print_json, print_table, say, unread_pages
from fileintel.installation.contract import rows

if TYPE_CHECKING:
    from fileintel.services.versions import Difference

VERSION_COLUMNS = ("number", "state", "in_use", "published_at", "entities", "relationships", "reports", "run_id")
DOCUMENT_COLUMNS = ("name", "text_units", "extracted", "empty", "failed", "entities", "reach_a_report")
SIGNS = {"added": "+", "removed": "-", "changed": "~"}

Number = Annotated[
    int | None,
    typer.Argument(min=1, max=LARGEST_INTEGER, help="Number of a version; by default the one before."),
]
InUse = Annotated[
    int | None,
    typer.Option("--version", min=1, max=LARGEST_INTEGER, help="Number of a version; by default the one in use."),
]
Older = Annotated[
    int | None, typer.Option("--from", min=1, max=LARGEST_INTEGER, help="The older version; by default the one before.")
]
Newer = Annotated[
    int | None, typer.Option("--to", min=1, max=LARGEST_INTEGER, help="The newer version; by default the one in use.")
]


def versions(context: typer.Context, collection: Collection, as_json: Json = False) -> None:
    """List the versions of the index that are kept."""
    from fileintel.services.versions import Versions, list_index_versions

    with invocation(context).installation() as installation:
        found = rows(installation, list_index_versions, Versions(collection=collection))
    if as_json:
        print_json(found)
        return
    listed = [{**fields_of(one), **one.counts, "in_use": "yes" if one.current else ""} for one in found]
    print_table(VERSION_COLUMNS, listed, "no versions yet")


def rollback(context: typer.Context, collection: Collection, number: Number = None, as_json: Json = False) -> None:
    """Let an older version answer questions again, at once. The next `index` leaves it so while nothing changes."""
    from fileintel.services.versions import Rollback, roll_back_index

    with invocation(context).installation() as installation:
        moved = installation.do(roll_back_index, Rollback(collection=collection, version=number))
    if as_json:
        print_json(moved)
        return
    before, now = moved.before.number, moved.after.number
    say(f"index version {now} of {moved.collection} is in use" + (f", instead of {before}" if now != before else ""))


def diff(
    context: typer.Context,
    collection: Collection,
    older: Older = None,
    newer: Newer = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many of each change to list.")] = 20,
    as_json: Json = False,
) -> None:
    """Show how two versions differ. That is what was added or removed, and what says something else."""
    from fileintel.services.versions import BothVersions, compare_versions

    wanted = BothVersions(collection=collection, older=older, newer=newer, limit=limit)
    with invocation(context).installation() as installation:
        compared = installation.do(compare_versions, wanted)
    if as_json:
        print_json(compared)
        return
    print(f"index versions {compared.before.number} and {compared.after.number} of {compared.collection}")
    counts = [{"table": table, **fields_of(sides)} for table, sides in compared.counts.items()]
    print_table(("table", "from", "to"), counts, "")
    _print_difference("entities", compared.entities)
    _print_difference("relationships", compared.relationships)
    _print_difference("reports", compared.reports)


def coverage(context: typer.Context, collection: Collection, version: InUse = None, as_json: Json = False) -> None:
    """Show what the index covers, and what is missing. In all, and for each document."""
    from fileintel.services.versions import OfVersion, show_coverage

    with invocation(context).installation() as installation:
        found = installation.do(show_coverage, OfVersion(collection=collection, version=version))
    if as_json:
        print_json(found)
        return
    units, entities, communities = found.text_units, found.entities, found.communities
    print(f"index version {found.version} of {found.collection}")
    what = f"{units['extracted']} extracted, {units['failed']} failed, {units['empty']} empty"
    print(f"  text units     {units['text_units']}: {what} (nothing was found in those)")
    what = f"{entities['reach_a_report']} reach a report, {entities['without_community']} in no community"
    print(f"  entities       {entities['entities']}: {what}")
    print(f"  communities    {communities['communities']}: {communities['without_report']} without report")
    for kind in found.vectors:
        print(f"  vectors        {kind.kind}: {kind.missing} of {kind.items} missing")
    for gap in found.gaps:
        print(f"  gaps           {gap.stage}: {gap.items} ({one_line(gap.reason)})")
    for pages in found.unread:
        print(f"  unread         {unread_pages(pages.document, pages.first_page, pages.last_page, pages.reason)}")
    print()
    print_table(DOCUMENT_COLUMNS, found.documents, "no documents")


def _print_difference(kind: str, difference: "Difference") -> None:
    totals = difference.totals
    print(f"\n{kind}: {totals['added']} added, {totals['removed']} removed, {totals['changed']} changed")
    for item in difference.items:
        print(f"  {SIGNS[item.change]} {one_line(item.name)}")
    more = sum(totals.values()) - len(difference.items)
    if more:
        print(f"  and {more} more: --limit shows more of them")
