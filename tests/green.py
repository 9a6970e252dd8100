"""Calling functions in a process that is patched for gevent, from a test process that is not.

`python -m tests.green` is that process: it reads calls from stdin and writes results to stdout, as lines of JSON.
"""

if __name__ == "__main__":
    from fileintel import runtime

    runtime.go_green()

import importlib
import json
import os
import select
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 120.0  # seconds for one call


class FailedInGreen(AssertionError):
    """The call raised; holds the traceback of the other process."""


class GreenProcess:
    """A process with greenlets; a context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.green"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def __enter__(self) -> "GreenProcess":
        return self

    def kill(self) -> None:
        """kill -9; a call that is under way raises TimeoutError."""
        self._process.kill()

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._process.communicate()

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run a function of a module there; arguments and result must be what JSON takes."""
        assert self._process.stdin is not None
        call = json.dumps([function.__module__, function.__qualname__, arguments])
        self._process.stdin.write(call.encode() + b"\n")
        self._process.stdin.flush()
        result = json.loads(self._line())
        if "error" in result:
            raise FailedInGreen(result["error"])
        return result["value"]

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        deadline = time.monotonic() + PATIENCE
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            piece = os.read(self._process.stdout.fileno(), 1 << 20) if ready else b""
            if not piece:
                raise TimeoutError("the green process does not answer")
            line += piece
        return line


def main() -> None:
    """Serve calls until stdin closes."""
    results = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a call prints must not get between the results
    for line in sys.stdin:
        module, name, arguments = json.loads(line)
        try:
            function = getattr(importlib.import_module(module), name)
            result = {"value": function(*arguments)}
        except BaseException:  # noqa: BLE001 -- the test wants to see it
            result = {"error": traceback.format_exc()}
        results.write(json.dumps(result) + "\n")
        results.flush()


if __name__ == "__main__":
    main()
