"""The benchmark of how much reaches the reports runs on any index folder."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import SAMPLES

from .folders import first_version

ROOT = SAMPLES.parents[1]


def measured(*arguments: object) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "benchmarks.fidelity", *map(str, arguments), "--json"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 0, finished.stderr
    found: list[dict[str, Any]] = json.loads(finished.stdout)
    return found


def test_all_of_an_old_index_reaches_our_reports_and_what_upstream_leaves_out_is_seen(
    folder: Path, tmp_path: Path
) -> None:
    upstream, theirs, these, ours = measured(first_version(folder, tmp_path / "old"))
    for one in (these, ours):
        assert one["entities_in_a_community"] == 100
        for kind in ("entities", "relationships"):
            assert one[kind]["shown"] + one[kind]["represented"] == one[kind]["all"] > 0
    assert upstream["entities_in_a_community"] < 100  # one entity stands alone
    assert theirs["relationships"]["shown"] < these["relationships"]["all"]
    assert theirs["reports_missing"] == these["reports_missing"] == 1
    assert ours["reports_missing"] == 0
