"""What a person sees at the end: what was built, what is missing, what was answered."""

import shlex
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fileintel.cli.output import fields_of, one_line, plain, print_table, say
from fileintel.errors import EXIT_CANCELLED, EXIT_DONE, EXIT_FAILED, EXIT_GAPS
from fileintel.services.quotes import quotes

if TYPE_CHECKING:
    from fileintel.services.documents import Document
    from fileintel.services.graph import CommunityWithMembers, ReportContext
    from fileintel.services.runs import Gap, RunWithStages
    from fileintel.services.status import Records, Status, VersionInUse

WIDTH = 100  # columns
GAPS_SHOWN = 5
REAL_MODEL_HINT = "a language model makes a better graph: set OPENAI_BASE_URL and FILEINTEL__LLM__MODEL to use yours"


def exit_code(state: str) -> int:
    """How a command that waited for a task ends: 0 done, 1 failed, 3 with gaps, 4 cancelled."""
    return {"succeeded_with_gaps": EXIT_GAPS, "failed": EXIT_FAILED, "cancelled": EXIT_CANCELLED}.get(state, EXIT_DONE)


def print_index(status: "Status") -> None:
    """The result card of an index."""
    counts, llm, gaps = status.counts, status.llm, status.gaps
    by_level = ", ".join(f"level {level}: {count}" for level, count in status.levels.items())
    title = f"collection {status.collection}: {status.state}"
    if status.version:
        title += f", index version {status.version.number}"
    print(title)
    print(f"  model          {status.model}")
    print(f"  documents      {counts['documents']}")
    print(f"  text units     {counts['text_units']}")
    print(f"  entities       {counts['entities']}")
    print(f"  relationships  {counts['relationships']}")
    print(f"  communities    {counts['communities']}" + (f" ({by_level})" if by_level else ""))
    print(f"  reports        {counts['reports']}")
    if counts["covariates"]:
        print(f"  claims         {counts['covariates']}")
    print(f"  gaps           {len(gaps)}")
    _print_records(status.records)
    _print_warnings(status)
    if status.up_to_date:
        print("  model calls    0: the index is up to date, nothing was asked")
        if status.version and status.version.newest > status.version.number:
            print(f"  note: {_in_use(status.version)}; `--force` builds a new one")
    else:
        print(
            f"  model calls    {llm['calls']} ({llm['cached']} answers came from the store, {llm['retries']} retries)"
        )
        print(f"  tokens         {llm['prompt_tokens']:,} in, {llm['completion_tokens']:,} out")
        print(f"  seconds        {_seconds(status):.1f}")
    print_gaps(status.gaps, f"fileintel graphrag status {shlex.quote(status.collection)} --json")
    if gaps:
        print(f"  note: `fileintel graphrag index {shlex.quote(status.collection)}` asks for the gaps again")
    if "built-in" in str(status.model):
        print(f"  note: {REAL_MODEL_HINT}")


def print_processing(run: "RunWithStages") -> None:
    """What came of a run that made passages, vectors or metadata."""
    result, llm = run.result or {}, run.llm
    print(f"{run.kind}: {run.state}")
    for name, value in result.items():
        print(f"  {name.replace('_', ' '):<16} {one_line(value)}")
    if llm:
        print(f"  {'model calls':<16} {llm['calls']} ({llm['cached']} answers came from the store)")
        print(f"  {'tokens':<16} {llm['prompt_tokens']:,} in, {llm['completion_tokens']:,} out")
    print_gaps(run.gaps, f"fileintel tasks show {run.id} --json")
    if run.gaps:
        print("  note: the same command asks for the gaps again")


def print_metadata(document: "Document") -> None:
    """What is known about a document, and who says so."""
    for name, value in fields_of(document.metadata).items():
        if value:
            known = ", ".join(value) if isinstance(value, list) else value
            said_by = document.metadata_from.get(name, "")
            print(textwrap.fill(f"{name}: {one_line(known)} ({said_by})", WIDTH, subsequent_indent="  "))


def print_status(status: "Status", *, by_service: bool = False) -> None:
    """The state of the newest run, stage by stage.

    Parameters:
      by_service: the work is a service's, whose workers take what is queued.
    """
    version = status.version
    print(f"collection {status.collection}: {status.state}")
    build = f"fileintel graphrag index {shlex.quote(status.collection)}"
    in_use = _in_use(version) if version else f"no index yet: `{build}` builds it"
    print(f"  in use         {in_use}")
    if status.run_id is None:
        return
    print(f"  run            {status.run_id}")
    print(f"  model          {status.model or 'not known'}")
    llm = status.llm
    print(f"  model calls    {llm['calls']}, at most {llm['peak_in_flight']} at once, {llm['retries']} retries")
    if llm["workers"] > 1:
        print(f"  workers        {llm['workers']} have asked for it together")
    print(f"  gaps           {len(status.gaps)}")
    _print_records(status.records)
    print_gaps(status.gaps, f"fileintel graphrag status {shlex.quote(status.collection)} --json")
    _print_warnings(status)
    if status.error:
        print(f"  error          {one_line(status.error)}")
    if status.state == "queued":
        here = "a worker of the service takes it" if by_service else f"`{build}` does that here"
        print(f"  note: the run waits to go on: {here}")
    if status.state == "paused":
        print(f"  note: `fileintel graphrag resume {shlex.quote(status.collection)}` lets the run go on")
    begun = [
        {**fields_of(stage), "stage": stage.name, "seconds": round(stage.seconds, 1)}
        for stage in status.stages
        if stage.total
    ]
    if begun:
        print()
        print_table(("stage", "done", "total", "cached", "failed", "seconds"), begun, "")


def print_community(community: "CommunityWithMembers") -> None:
    """A community's report, then its members."""
    parent = "" if community.parent == -1 else f" of community {community.parent}"
    size = community.size
    print(f"community {community.community}{parent}, level {community.level}, {size} entit{_ies(size)}\n")
    if community.report:
        _print_text(community.report.full_content)
    else:
        print("(no report: see the gaps in `fileintel graphrag status`)")
    print()
    print_table(("title", "type", "description"), community.entities, "no entities")
    if community.left_out:
        print(f"\nThere was no room for {_counted(community.left_out)} in what the report was written from.")
    if community.cut:
        print(f"\nIn what the report was written from, {_counted(community.cut)} had to be cut short.")


def print_context(context: "ReportContext") -> None:
    """What a report was written from: the text alone on stdout, what it holds on stderr."""
    print(plain(context.text))
    say(f"{context.tokens} tokens: {_counted({kind: len(ids) for kind, ids in context.rows.items()})}")
    if context.represented:
        say(f"reports stand for {_counted(context.represented)}")
    say(f"left out: {_counted(context.left_out)}")
    if context.cut:
        say(f"cut short: {_counted({kind: len(ids) for kind, ids in context.cut.items()})}")


def print_import(taken: Mapping[str, Any]) -> None:
    """What was taken over, and what had to be put right."""
    print(f"collection {taken['collection']}: imported as index version {taken['version']}")
    for name, count in taken["counts"].items():
        print(f"  {name.replace('_', ' '):<14} {count}")
    for what, count in taken["put_right"].items():
        print(f"  note: {count} {what}")


def print_answer(reply: Mapping[str, Any]) -> None:
    """An answer, then the passages that it cites."""
    _print_text(reply["answer"])
    print_about_answer(reply, sources=None)


def print_about_answer(reply: Mapping[str, Any], *, sources: bool | None) -> None:
    """What stands behind an answer that was printed.

    Parameters:
      sources: True for each passage behind each citation, with its characters in the document; None for the nearest
        passage of each; False for none.
    """
    shown = quotes(reply["citations"], nearest_only=not sources)
    if shown and sources is not False:
        print("\nSources")
        for quote in shown:
            line = one_line(quote.line(with_span=bool(sources)))
            print(textwrap.fill(line, WIDTH, initial_indent="  ", subsequent_indent="      "))
    if reply.get("picked"):
        print(f"\nMode {one_line(reply['picked'])}")
    if reply.get("note"):
        print(f"\nNot everything was there: {one_line(reply['note'])}")
    if reply["unknown_citations"]:
        print(f"\nCitations that the model made up and that were left out: {reply['unknown_citations']}")
    if note := reply.get("coverage", {}).get("note"):
        print(f"\nNot everything could be found: {note}")
    elif reply["gaps"]:
        again = f"fileintel graphrag index {shlex.quote(reply['collection'])}"
        print(f"\nGaps in the index: {reply['gaps']}; `{again}` asks for them again")
    print(f"\n(model: {reply['model']})")


def _in_use(version: "VersionInUse") -> str:
    number, newest = version.number, version.newest
    return f"version {number}" + (f" (rolled back from {newest})" if newest > number else "")


def _print_text(text: str) -> None:
    for paragraph in plain(text).split("\n"):
        print(textwrap.fill(paragraph, WIDTH) if paragraph.strip() else "")


def _print_records(records: "Records") -> None:
    for verb, counted in (("dropped", records.dropped), ("mended", records.mended)):
        reasons = sorted(counted.items(), key=lambda reason: (-reason[1], reason[0]))
        if reasons:
            told = ", ".join(f"{reason} ({count})" for reason, count in reasons)
            print(f"  {verb:<13}  {sum(counted.values())} of the answers' records: {plain(told)}")


def _print_warnings(status: "Status") -> None:
    for warning in status.warnings:
        print(f"  warning: {warning.stage}: {one_line(warning.message)}")


def print_gaps(gaps: "Sequence[Gap]", everything: str) -> None:
    """The first gaps with their reasons; `everything` is the command that lists them all."""
    for gap in gaps[:GAPS_SHOWN]:
        print(f"  gap: {gap.stage} {gap.item}: {gap.reason} ({one_line(gap.last_error)})")
    if len(gaps) > GAPS_SHOWN:
        print(f"  and {len(gaps) - GAPS_SHOWN} more gaps: `{everything}` lists all")


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "nothing"


def _ies(count: int) -> str:
    return "y" if count == 1 else "ies"


def _seconds(status: "Status") -> float:
    if not status.started_at or not status.finished_at:
        return 0.0
    return (status.finished_at - status.started_at).total_seconds()
