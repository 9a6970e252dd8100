"""Homes for the tests. Each test has its own, and must leave no process behind."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fileintel.local.postgres import EmbeddedPostgres
from tests.local.processes import processes_below, wait_until, wait_until_stopped

MakeHome = Callable[..., Path]

MEMORY_DISK = Path("/dev/shm")
MEMORY_NEEDED = 2 * 1024**3  # bytes; a home takes 60 MB, some tests have two


def short_folder() -> Path:
    """A new folder, short enough for a socket (pytest's own is not), in memory where there is room.

    What a kill -9 does is the same on every file system; a shared disk only makes the tests slow.
    """
    roomy = MEMORY_DISK.is_dir() and shutil.disk_usage(MEMORY_DISK).free > MEMORY_NEEDED
    place = MEMORY_DISK if roomy and os.access(MEMORY_DISK, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="fi-", dir=place)).resolve()


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    """A data folder to copy: a third of a second faster than initdb."""
    home = short_folder()
    database = EmbeddedPostgres(home)
    database.join()
    database.leave()
    wait_until_stopped(home)
    yield home / "postgres"
    shutil.rmtree(home)


@pytest.fixture
def make_home() -> Iterator[MakeHome]:
    """Makes empty homes below a short folder, and checks at the end that nothing runs for them."""
    base = short_folder()
    base.chmod(0o755)

    def make(name: str = "home") -> Path:
        (base / name).mkdir(parents=True)
        return base / name

    yield make
    try:
        wait_until(lambda: not processes_below(base), "the end of all processes of this test")
    finally:
        for pid in processes_below(base):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(base)


@pytest.fixture
def fresh_home(make_home: MakeHome) -> Path:
    """A home without a database."""
    return make_home()


@pytest.fixture
def home(make_home: MakeHome, template: Path) -> Path:
    """A home with an empty database that is not running."""
    folder = make_home()
    shutil.copytree(template, folder / "postgres")
    return folder


@pytest.fixture
def database(home: Path) -> Iterator[EmbeddedPostgres]:
    """The database of `home`, not joined yet; left at the end."""
    one = EmbeddedPostgres(home)
    yield one
    one.leave()
