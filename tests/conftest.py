"""What the tests share: a real PostgreSQL with a database for each test, a model server, the real command line."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool
from xdist.scheduler import LoadScopeScheduling

from fileintel.local.postgres import EmbeddedPostgres
from fileintel.storage import schema
from fileintel.storage.engine import Database
from tests.green import GreenProcess
from tests.standin import StandIn
from tests.standin.settings import Settings as StandInSettings

TESTS = Path(__file__).resolve().parent
SAMPLES = Path(__file__).resolve().parents[1] / "examples" / "kestervag"
TEMPLATE = "fileintel"
# the machine's own settings must not reach the tests
FOREIGN = ("FILEINTEL", "OPENAI", "GRAPHRAG", "DATABASE_URL", "CELERY", "LOG_LEVEL")


# time decides nothing: a busy machine is no failure
settings.register_profile("any-machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")

# folders whose tests share servers that take seconds to start: where tests run side by side, in one process
TOGETHER = ("api", "cluster")


class Together(LoadScopeScheduling):
    """Gives the tests of a file, or of a folder in `TOGETHER`, to one process. Not by the marks of pytest-xdist (3.8),
    which pytest 9.2 does not let it see."""

    def _split_scope(self, nodeid: str) -> str:
        """What a test is run together with."""
        file = Path(nodeid.partition("::")[0])
        return file.parent.name if file.parent.name in TOGETHER else str(file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    """Who decides which process runs what under `pytest -n 2`."""
    return Together(config, log)


def short_folder() -> Path:
    """A new folder whose path is short enough for a unix socket, in memory where there is room."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 * 1024**3
    return Path(tempfile.mkdtemp(prefix="fi-", dir=memory if roomy else None)).resolve()


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The embedded PostgreSQL of this test run; its database `fileintel` has the schema and nothing else."""
    home = short_folder()
    postgres = EmbeddedPostgres(home)
    url = postgres.join()
    database = Database(url, pool_size=2)
    schema.upgrade(database)
    database.close()
    yield url
    postgres.leave()
    give_up = time.monotonic() + 20
    while postgres.running() and time.monotonic() < give_up:  # it would write into the folder again
        time.sleep(0.05)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def database_url(server_url: str) -> Iterator[str]:
    """A database of this test's own, with the schema."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    url = make_url(server_url)
    admin = create_engine(url.set(database="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    yield url.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """That database, connected."""
    connected = Database(database_url, pool_size=5, pool_timeout=30)
    yield connected
    connected.close()


@pytest.fixture(scope="session")
def model_server_process() -> Iterator[StandIn]:
    with StandIn.start() as server:
        yield server


@pytest.fixture
def model_server(model_server_process: StandIn) -> Iterator[StandIn]:
    """A stand-in model server over HTTP, as new; and as new afterwards, for the fixtures that several tests share."""
    model_server_process.configure(**vars(StandInSettings()))
    model_server_process.reset()
    yield model_server_process
    model_server_process.resume()
    model_server_process.configure(**vars(StandInSettings()))


@pytest.fixture(scope="session")
def green() -> Iterator[GreenProcess]:
    """A process with greenlets, for functions of test modules."""
    with GreenProcess() as process:
        yield process


@pytest.fixture(params=["threads", "greenlets"])
def perform(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Calls a function of a module: here, where there are threads, and in a process with greenlets."""
    if request.param == "greenlets":
        in_green: GreenProcess = request.getfixturevalue("green")
        return in_green
    return lambda function, *arguments: function(*arguments)


@dataclass(frozen=True)
class Finished:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


class CommandLine:
    """The real `fileintel`, in processes of its own, with an environment of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def __call__(self, *arguments: object, check: int | None = 0, **environment: str) -> Finished:
        """Run a command to its end; `check` is the exit code that it must have (None: any)."""
        result = subprocess.run(
            self.command(*arguments),
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        finished = Finished(result.returncode, result.stdout, result.stderr)
        assert check is None or finished.code == check, finished
        return finished

    def start(self, *arguments: object, **environment: str) -> "subprocess.Popen[str]":
        """Start a command and leave it running."""
        return subprocess.Popen(
            self.command(*arguments),
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @staticmethod
    def command(*arguments: object) -> list[str]:
        """The command as a list of words."""
        return [sys.executable, "-m", "fileintel", *map(str, arguments)]


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty FILEINTEL_HOME."""
    folder = short_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def fileintel(home: Path, database_url: str, model_server: StandIn) -> CommandLine:
    """The command line, with a home, a database and a model server of this test's own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    environment |= {
        "FILEINTEL_HOME": str(home),
        "DATABASE_URL": database_url,
        "OPENAI_BASE_URL": model_server.base_url,
        "FILEINTEL__LLM__MODEL": "standin",
        "FILEINTEL__EMBEDDING__MODEL": "standin",
        "FILEINTEL__EXTRACTION__FORMAT": "tuple",  # no question is asked to find it out, but where a test wants it
    }
    return CommandLine(environment)


@pytest.fixture
def write_document(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a text file and returns its path."""

    def write(name: str, content: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        return path

    return write
