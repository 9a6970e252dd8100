"""What graphrag itself makes of answers: asked once for all tests, as it takes seconds to import."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.graphrag import recorded

MAX_CLUSTER_SIZE, SEED = 5, 0xDEADBEEF
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def upstream_tables() -> dict[str, Any]:
    """Its tables, of the `odd` answers of `test_upstream` and of the `recorded` ones."""
    from .test_upstream import ANSWERS

    # upstream does not see where the last record ends unless a delimiter follows it
    odd = [[answer.replace("<|COMPLETE|>", "##\n<|COMPLETE|>") for answer in answers] for answers in ANSWERS]
    corpora = {"odd": odd, "recorded": recorded.for_upstream()}
    finished = subprocess.run(
        [sys.executable, "-m", "tests.graphrag.upstream"],
        input=json.dumps({"corpora": corpora, "max_cluster_size": MAX_CLUSTER_SIZE, "seed": SEED}),
        capture_output=True,
        text=True,
        env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},  # else it is fetched from the network
        cwd=REPOSITORY,
        timeout=120,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    tables: dict[str, Any] = json.loads(finished.stdout)
    return tables
