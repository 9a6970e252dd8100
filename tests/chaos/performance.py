"""The whole evening: a reference run that nobody disturbs, the play, and the verdict."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from fileintel.storage import schema
from fileintel.storage.engine import Database
from tests.chaos import documents, verdict
from tests.chaos.cast import Cast
from tests.chaos.play import COLLECTION, Happened, Play, Say, ask, upload
from tests.chaos.script import Action
from tests.chaos.verdict import Exported
from tests.cli.tables import Tables, read_tables
from tests.conftest import CommandLine


@dataclass(frozen=True)
class Piece:
    """What is performed.

    Parameters:
      documents, paragraphs: how much there is to read.
      limit: chat questions under way at once.
      graph_workers: how many gevent workers there are.
      latency: of the model server, see the stand-in.
    """

    seed: int
    actions: list[Action]
    documents: int
    paragraphs: int
    limit: int
    graph_workers: int
    latency: tuple[str, float, float]


def perform(piece: Piece, home: Path, say: Say) -> list[str]:
    """Play it; returns what is wrong at the end: nothing, if all is well."""
    texts = documents.write(piece.seed, piece.documents, piece.paragraphs)
    cast = Cast(home, limit=piece.limit, graph_workers=piece.graph_workers, seed=piece.seed)
    try:
        tables, files = _reference(cast, texts)
        needed = verdict.asked(cast.model.book)
        cast.model.book.write_text("")
        say(f"undisturbed, the run takes {needed.calls} calls; now with {len(piece.actions)} disturbances")
        cast.model.configure(latency=list(piece.latency))
        cast.start()
        upload(cast, texts)
        happened = Play(cast, piece.actions, needed.calls, say).perform()
        _tell(cast, happened, say)
        wrong = verdict.of_the_run(cast, happened) + verdict.of_the_bill(cast, happened)
        if happened.state == "succeeded":
            found = read_tables(cast.postgres.url, COLLECTION)
            wrong += verdict.of_the_index(found, tables, _export(cast, cast.environment, "found"), files)
        wrong += verdict.of_the_workers(cast)
        cast.stop()
        return wrong + verdict.of_the_end(cast)
    finally:
        cast.close()


def _reference(cast: Cast, texts: dict[str, str]) -> tuple[Tables, Exported]:
    """The same documents and the same model, in a database of their own, by the command line."""
    url = make_url(cast.postgres.url)
    admin = create_engine(url.set(database="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE reference"))
    own = url.set(database="reference").render_as_string(hide_password=False)
    database = Database(own, pool_size=2)
    schema.upgrade(database)
    database.close()
    folder = cast.home / "texts"
    folder.mkdir()
    for name, content in texts.items():
        (folder / name).write_text(content)
    environment = {**cast.environment, "DATABASE_URL": own, "FILEINTEL_HOME": str(cast.home / "reference")}
    fileintel = CommandLine(environment)
    fileintel("collections", "create", COLLECTION)
    fileintel("documents", "add", COLLECTION, *(folder / name for name in texts))
    fileintel("graphrag", "index", COLLECTION, "--quiet")
    return read_tables(own, COLLECTION), _export(cast, environment, "expected")


def _export(cast: Cast, environment: dict[str, str], name: str) -> Exported:
    folder = cast.home / name
    CommandLine(environment)("graphrag", "export", COLLECTION, folder)
    return verdict.exported(folder)


def _tell(cast: Cast, happened: Happened, say: Say) -> None:
    paid = verdict.asked(cast.model.book)
    llm, attempts = ask(cast.postgres.url, "SELECT llm, attempts FROM runs WHERE id = %s", happened.run_id)[0]
    kills = ", ".join(f"{victim.value} {times}×" for victim, times in sorted(happened.killed.items()))
    say(f"{happened.state} after {happened.seconds:.0f} s and {attempts} attempts; disturbed: {kills}")
    say(f"started again because they had ended by themselves: {happened.revived}")
    say(f"{paid.calls} calls were answered; twice: {paid.chat} questions, {paid.texts} texts of embeddings")
    say(f"longest time without a worker, where one could have been: {happened.longest_unattended:.1f} s")
    say(f"longest time that an answer was in memory only: {llm['longest_unsaved_ms'] / 1000:.1f} s")
