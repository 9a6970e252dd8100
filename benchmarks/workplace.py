"""What a benchmark needs around it: a PostgreSQL of its own, a simulated model server, settings, a run."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.simulator import Simulator
from benchmarks.simulator.behaviour import Behaviour
from fileintel.config import Settings, load_settings
from fileintel.fanout.journal import RunJournal
from fileintel.fanout.progress import Progress
from fileintel.graphrag.pipeline import STAGES
from fileintel.llm.client import Tally
from fileintel.local.postgres import EmbeddedPostgres
from fileintel.runs.lease import this_process
from fileintel.storage import collections, runs, schema
from fileintel.storage.engine import Database
from fileintel.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
# the machine's own settings must not reach a benchmark
FOREIGN = ("FILEINTEL", "OPENAI", "GRAPHRAG", "DATABASE_URL", "CELERY", "LOG_LEVEL")


@dataclass(frozen=True)
class Workplace:
    """A home folder, a database with the schema, and a simulator."""

    home: Path
    database_url: str
    simulator: Simulator

    def settings(self, **overrides: Any) -> Settings:
        """The shipped settings, for this database and this model server; keys with `__` for the dot."""
        given = {key.replace("__", "."): value for key, value in overrides.items()}
        return load_settings({**self._places(), **given}, environ={})

    def environment(self, **overrides: Any) -> dict[str, str]:
        """The same for a command in a process of its own."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        settings = {**self._places(), **{key.replace("__", "."): value for key, value in overrides.items()}}
        named = {f"FILEINTEL__{key.upper().replace('.', '__')}": str(value) for key, value in settings.items()}
        return {**clean, **named, "FILEINTEL_HOME": named.pop("FILEINTEL__HOME")}

    def _places(self) -> dict[str, Any]:
        return {
            "home": str(self.home),
            "storage.url": self.database_url,
            "llm.base_url": self.simulator.base_url,
            "llm.model": Simulator.model,
            "embedding.base_url": self.simulator.base_url,
            "embedding.model": Simulator.model,
        }


@contextmanager
def workplace(behaviour: Behaviour | None = None) -> Iterator[Workplace]:
    """A place to work, gone afterwards. PostgreSQL writes to the disk with its usual care."""
    home = Path(tempfile.mkdtemp(prefix="fi-bench-")).resolve()
    postgres = EmbeddedPostgres(home)
    try:
        url = postgres.join()
        database = Database(url, pool_size=2)
        schema.upgrade(database)
        database.close()
        with Simulator(behaviour) as simulator:
            yield Workplace(home, url, simulator)
    finally:
        postgres.leave()
        give_up = time.monotonic() + 20
        while postgres.running() and time.monotonic() < give_up:  # it would write into the folder again
            time.sleep(0.05)
        shutil.rmtree(home, ignore_errors=True)


@dataclass(frozen=True)
class BenchRun:
    """A run that was begun by hand: its journal and its counts."""

    journal: RunJournal
    progress: Progress
    tally: Tally


def begin_run(workspace: Workspace, name: str) -> BenchRun:
    """A collection with a run whose lease this process holds, as the indexing service would have it."""
    with workspace.database.transaction() as session:
        collection = collections.create(session, name)
        run = runs.create(session, collection.id)
        lease = runs.acquire(session, run.id, this_process())
        assert lease is not None
    progress, tally = Progress(STAGES), Tally()
    return BenchRun(RunJournal(workspace.database, lease, progress, tally), progress, tally)
