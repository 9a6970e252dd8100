"""What a person sees at the end: what was built, what is missing, what was answered."""

import textwrap
from collections.abc import Mapping
from datetime import datetime
from typing import Any

WIDTH = 100  # columns
GAPS_SHOWN = 5
REAL_MODEL_HINT = "a language model makes a better graph: set OPENAI_BASE_URL and FILEINTEL__LLM__MODEL to use yours"


def print_index(status: Mapping[str, Any], levels: Mapping[int, int], *, up_to_date: bool) -> None:
    """The result card of an index."""
    counts, llm, gaps = status["counts"], status["llm"], status["gaps"]
    by_level = ", ".join(f"level {level}: {count}" for level, count in levels.items())
    title = f"collection {status['collection']}: {status['state']}"
    if status["version"]:
        title += f", index version {status['version']['number']}"
    print(title)
    print(f"  model          {status['model']}")
    print(f"  documents      {counts['documents']}")
    print(f"  text units     {counts['text_units']}")
    print(f"  entities       {counts['entities']}")
    print(f"  relationships  {counts['relationships']}")
    print(f"  communities    {counts['communities']}" + (f" ({by_level})" if by_level else ""))
    print(f"  reports        {counts['reports']}")
    if counts["covariates"]:
        print(f"  claims         {counts['covariates']}")
    print(f"  gaps           {len(gaps)}")
    if up_to_date:
        print("  model calls    0: the index is up to date, nothing was asked")
    else:
        print(
            f"  model calls    {llm['calls']} ({llm['cached']} answers came from the store, {llm['retries']} retries)"
        )
        print(f"  tokens         {llm['prompt_tokens']:,} in, {llm['completion_tokens']:,} out")
        print(f"  seconds        {_seconds(status):.1f}")
    for gap in gaps[:GAPS_SHOWN]:
        print(f"  gap: {gap['stage']} {gap['item']}: {gap['reason']} ({gap['last_error']})")
    if len(gaps) > GAPS_SHOWN:
        rest = len(gaps) - GAPS_SHOWN
        print(f"  and {rest} more gaps: `fileintel graphrag status {status['collection']} --json` lists all")
    if "built-in" in str(status["model"]):
        print(f"  note: {REAL_MODEL_HINT}")


def print_status(status: Mapping[str, Any]) -> None:
    """The state of the newest run, stage by stage."""
    version = status["version"]
    print(f"collection {status['collection']}: {status['state']}")
    print(f"  in use         {'version ' + str(version['number']) if version else 'no index yet'}")
    if status["run_id"] is None:
        return
    print(f"  run            {status['run_id']}")
    print(f"  model          {status['model']}")
    for stage in status["stages"]:
        if stage["total"]:
            print(
                f"  {stage['name']:<13}  {stage['done']}/{stage['total']} done, {stage['cached']} cached, "
                f"{stage['failed']} failed, {stage['seconds']:.1f} s"
            )
    llm = status["llm"]
    print(f"  model calls    {llm['calls']}, at most {llm['peak_in_flight']} at once, {llm['retries']} retries")
    for gap in status["gaps"][:GAPS_SHOWN]:
        print(f"  gap: {gap['stage']} {gap['item']}: {gap['reason']} ({gap['last_error']})")
    if status["error"]:
        print(f"  error: {status['error']}")


def print_answer(reply: Mapping[str, Any]) -> None:
    """An answer, then the passages that it cites."""
    for paragraph in reply["answer"].split("\n"):
        print(textwrap.fill(paragraph, WIDTH) if paragraph.strip() else "")
    if reply["citations"]:
        print("\nSources")
    for citation in reply["citations"]:
        page = citation["page_label"] or citation["page"]
        quote = " ".join(citation["quote"].split())
        line = f"[{citation['id']}] {citation['document']}, page {page}: “{quote}”"
        print(textwrap.fill(line, WIDTH, initial_indent="  ", subsequent_indent="      "))
    if reply["unknown_citations"]:
        print(f"\n{reply['unknown_citations']} citations were left out: the model made them up")
    if reply["gaps"]:
        print(f"\nThe index has {reply['gaps']} gaps: `fileintel graphrag status {reply['collection']}` lists them")
    print(f"\n(model: {reply['model']})")


def _seconds(status: Mapping[str, Any]) -> float:
    if not status["started_at"] or not status["finished_at"]:
        return 0.0
    return (
        datetime.fromisoformat(status["finished_at"]) - datetime.fromisoformat(status["started_at"])
    ).total_seconds()
