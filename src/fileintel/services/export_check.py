"""Checks an exported folder with `graphrag`'s own readers, on the machine where the folder is."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from pydantic import BaseModel

from fileintel.errors import ConfigError, ExportError

MISSING = (
    "--check reads the folder with the library graphrag, which is not installed: pip install 'fileintel[graphrag]'"
)
READER = "fileintel.graphrag.export.read_back"


class Vectors(BaseModel):
    """A set of embeddings: how many, and of how many numbers each."""

    vectors: int
    size: int


class ExportCheck(BaseModel):
    """What `graphrag` finds in a folder.

    Attributes:
      graphrag: its version.
      tables: the rows of each table.
      embeddings: each set of vectors.
      problems: sentences; none when all is as `graphrag` expects it.
    """

    graphrag: str
    tables: dict[str, int]
    embeddings: dict[str, Vectors]
    problems: list[str]


def require_graphrag() -> None:
    """See that `graphrag` is installed, without importing it.

    Raises:
      ConfigError: it is not.
    """
    if importlib.util.find_spec("graphrag") is None:
        raise ConfigError(MISSING)


def check_export(directory: Path) -> ExportCheck:
    """Read the folder back, in a process of its own (some 10 s, most of it graphrag's imports).

    Raises:
      ConfigError: `graphrag` is not installed.
      ExportError: its readers cannot be started.
    """
    require_graphrag()
    done = subprocess.run(
        [sys.executable, "-P", "-m", READER, str(directory)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},  # else litellm fetches a list of prices
    )
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}"
        raise ExportError(f"{directory} cannot be checked: graphrag's readers ended with {last}")
    return ExportCheck.model_validate_json(done.stdout.strip().rpartition("\n")[2])  # a library may print before it
