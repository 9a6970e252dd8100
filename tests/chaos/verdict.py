"""The verdict: the run that was disturbed has to leave what one leaves that was not."""

import json
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery import Celery
from pyarrow import parquet

from tests.chaos.cast import BATCH_SIZE, BATCHES, Cast
from tests.chaos.play import Happened, ask
from tests.chaos.script import Victim
from tests.cli.tables import Tables
from tests.standin.ledger import Book

# Columns that tell when the documents came in, which is another moment here than in the reference (and was once
# another day). `tests.cli.tables` names those of the tables.
VOLATILE = {"creation_date", "period"}
ATTENDED_WITHIN = 60.0  # seconds
CALM_LIMIT = 20.0  # seconds until workers hold nothing any more
LEFT = """SELECT (SELECT count(*) FROM questions_in_flight), (SELECT count(*) FROM gaps),
    (SELECT count(*) FROM runs WHERE owner IS NOT NULL OR lease_expires_at IS NOT NULL),
    (SELECT count(*) FROM pg_inherits WHERE inhparent = 'embeddings'::regclass)"""

Exported = dict[str, str]


@dataclass(frozen=True)
class Asked:
    """What a model server was paid for: calls, and how often a question, or a text of embeddings, got a sound answer
    although it had one."""

    calls: int
    chat: int
    texts: int


def asked(book: Path) -> Asked:
    """What the book of the stand-in says."""
    counted = Counter(Book.read(book))
    chat = sum(times - 1 for (purpose, _), times in counted.items() if purpose != "embeddings")
    texts = sum(times - 1 for (purpose, _), times in counted.items() if purpose == "embeddings")
    return Asked(book.read_bytes().count(b"\n"), chat, texts)


def exported(folder: Path) -> Exported:
    """The tables of an export as text, without what is volatile."""
    found = {}
    for path in sorted(folder.glob("*.parquet")):
        table = parquet.read_table(path)
        rows = table.drop_columns(sorted(VOLATILE & {*table.column_names})).to_pylist()
        found[path.name] = json.dumps(rows, default=str)
    return found


def of_the_run(cast: Cast, happened: Happened) -> list[str]:
    """What is wrong with how the run ended, and with what it has left in the database."""
    url, wrong = cast.postgres.url, []
    if happened.state != "succeeded":
        error = ask(url, "SELECT error FROM runs WHERE id = %s", happened.run_id)[0][0]
        wrong.append(f"the run is {happened.state}: {error}")
    if (versions := ask(url, "SELECT state FROM index_versions")) != [("published",)]:
        wrong.append(f"there should be one published version: {versions}")
    if (left := ask(url, LEFT)[0]) != (0, 0, 0, 1):
        wrong.append(f"questions in flight, gaps, leases, tables of vectors should be 0, 0, 0, 1: {left}")
    if stages := ask(url, "SELECT name, total, done, failed FROM run_stages WHERE done <> total OR failed > 0"):
        wrong.append(f"stages that are not done: {stages}")
    if happened.longest_unattended > ATTENDED_WITHIN:
        wrong.append(f"nobody worked on the run for {happened.longest_unattended:.0f} s")
    return wrong


def of_the_bill(cast: Cast, happened: Happened) -> list[str]:
    """Whether more was paid for twice than can have been under way when a worker or the model server was killed."""
    paid = asked(cast.model.book)
    kills = sum(happened.killed.get(victim, 0) for victim in (Victim.HOLDER, Victim.OTHER, Victim.MODEL))
    kills += happened.revived
    wrong = []
    if paid.chat > kills * cast.limit:
        wrong.append(f"{paid.chat} questions were answered twice; {kills} kills × {cast.limit} are allowed")
    if paid.texts > kills * BATCHES * BATCH_SIZE:
        wrong.append(f"{paid.texts} vectors were made twice; {kills} kills × {BATCHES * BATCH_SIZE} are allowed")
    return wrong


def of_the_index(found: Tables, expected: Tables, files: Exported, expected_files: Exported) -> list[str]:
    """Whether the tables and their export are those of the reference run."""
    wrong = [f"table {name} differs" for name, rows in expected.items() if found[name] != rows]
    names = files.keys() | expected_files.keys()
    return wrong + [f"{name} differs" for name in sorted(names) if files.get(name) != expected_files.get(name)]


def of_the_workers(cast: Cast) -> list[str]:
    """Whether a worker still holds a connection, a request, a thread or a greenlet of the run."""
    give_up = time.monotonic() + CALM_LIMIT
    while True:
        held = _census(cast)
        if len(held) == len(cast.graph_workers) and not any(any(census.values()) for census in held.values()):
            return []
        if time.monotonic() > give_up:
            return [f"workers should hold nothing after the run: {held}"]
        time.sleep(0.5)


def of_the_end(cast: Cast) -> list[str]:
    """Whether connections are left when all programs have ended."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'fileintel'"
    give_up = time.monotonic() + CALM_LIMIT
    while (left := ask(cast.postgres.url, query)[0][0]) and time.monotonic() < give_up:
        time.sleep(0.1)
    return [f"{left} connections to the database are left"] if left else []


def _census(cast: Cast) -> dict[str, dict[str, Any]]:
    with Celery(broker=cast.broker.url) as asking:
        answers = asking.control.broadcast("census", reply=True, timeout=3.0, limit=len(cast.programs) - 1) or []
    told = {name: census for answer in answers for name, census in answer.items()}
    return {name: census for name, census in told.items() if name.startswith("graph_worker")}
