"""Every benchmark is one command that starts with the code as it is today."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (
    "fallback",
    "fidelity",
    "index",
    "knee",
    "local_query",
    "overhead",
    "reports_168",
    "retrieval",
    "scale",
    "workers",
)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_benchmark_tells_how_it_is_used(name: str) -> None:
    command = [sys.executable, "-m", f"benchmarks.{name}", "--help"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert told.returncode == 0, told.stderr
    assert "usage:" in told.stdout
