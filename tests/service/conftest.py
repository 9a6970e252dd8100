"""Homes for the tests. Each test has its own, and must leave no process behind."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import short_folder
from tests.service.processes import processes_of, wait_until


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty folder; at the end nothing runs for it."""
    folder = short_folder()
    yield folder
    try:
        wait_until(lambda: not processes_of(folder), "the end of all processes of this test")
    finally:
        for pid in processes_of(folder):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder)
