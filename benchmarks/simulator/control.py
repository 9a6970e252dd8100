"""The benchmark's side of the simulator: starting it, telling it how to behave, asking it what happened."""

import contextlib
import dataclasses
import http.client
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .behaviour import Behaviour

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Record:
    """One answered request. Times are those of `time.monotonic`, which all processes of a machine share.

    `seconds` is what the answer took once it had a slot; `needs` are places in the list of records: the questions
    whose answers are part of this prompt. `texts` counts the inputs of an embedding request.
    """

    purpose: str
    identity: str
    arrived: float
    started: float
    ended: float
    seconds: float
    texts: int
    needs: tuple[int, ...]


class Simulator:
    """A running simulator; a context manager."""

    model = "simulated"

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.simulator.server"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().decode().strip()
        if not self.base_url:
            raise RuntimeError(f"the simulator did not start: exit code {self._process.wait()}")
        self._port = int(self.base_url.rsplit(":", 1)[1].partition("/")[0])
        self.configure(behaviour or Behaviour())

    def __enter__(self) -> "Simulator":
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait(10)

    def configure(self, behaviour: Behaviour) -> None:
        """Behave like this from now on, and forget what was."""
        self._call("/admin/configure", dataclasses.asdict(behaviour))

    def records(self) -> list[Record]:
        """The answered requests since the last `configure`, in the order of their arrival."""
        return [Record(**{**each, "needs": tuple(each["needs"])}) for each in self._call("/admin/records")]

    def prompts(self) -> list[str]:
        """The prompts of the chat requests as text, in the order in which they were started."""
        found: list[str] = self._call("/admin/prompts")
        return found

    def counts(self) -> dict[str, Any]:
        """`requests`, `running`, `waiting`, `peak`, `first` (time of the first arrival), `cpu` (seconds so far)."""
        found: dict[str, Any] = self._call("/admin/counts")
        return found

    def _call(self, path: str, body: Any = None) -> Any:
        line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_SECONDS)
        try:
            line.request("POST", path, json.dumps(body).encode() if body is not None else b"")
            return json.loads(line.getresponse().read())
        finally:
            line.close()
