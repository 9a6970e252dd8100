"""The test's side of the stand-in: starting it, telling it what to do, asking it what happened."""

import contextlib
import http.client
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from .settings import to_json

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0  # seconds that a condition may take to come true


@dataclass(frozen=True)
class Stats:
    """What has happened since the start or the last reset.

    Attributes:
        asked: Requests by purpose; `answered`: those that got a sound answer.
        questions: For each question (by hash) its purpose and how often it was asked, answered, and `repeated`: asked
            although it had been answered. Empty in the stats that `wait_until` sees, like `inputs` and `statuses`.
        inputs: The same for each text of the embeddings requests.
        statuses: Of all answers, in order; broken connections have none.
        in_flight, peak_in_flight, running, waiting: Requests; `waiting` ones are queued behind `max_concurrent`.
        peaks: The most requests of each purpose in flight at once.
        looks: How often it was asked which models it has.
        abandoned: Requests whose client left before the answer.
        mean_in_flight: Averaged over the time from the first request to the last answer.
    """

    asked: Counter[str]
    answered: Counter[str]
    in_flight: int
    peak_in_flight: int
    peaks: Counter[str]
    running: int
    waiting: int
    looks: int
    abandoned: int
    faults: Counter[str]
    mean_in_flight: float
    elapsed: float
    statuses: list[int]
    questions: dict[str, dict[str, Any]]
    inputs: dict[str, dict[str, Any]]

    @property
    def repeated(self) -> int:
        """How often a question was asked that had been answered already."""
        return sum(question["repeated"] for question in self.questions.values())


class StandIn:
    """A running stand-in. Use `start`, best in a `with` statement."""

    def __init__(self, process: "subprocess.Popen[str]", base_url: str) -> None:
        self._process = process
        self.base_url = base_url
        self.port = int(base_url.rsplit(":", 1)[1].partition("/")[0])

    @classmethod
    def start(cls, port: int = 0, book: Path | None = None, **settings: Any) -> "StandIn":
        """Start a stand-in on a free port, or on `port`; `settings` as for `configure`. In the file `book` sound
        answers are written down, see `ledger.Book`."""
        plain = to_json(settings)
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.standin.server",
                "--port",
                str(port),
                *(["--book", str(book)] if book else []),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        base_url = process.stdout.readline().strip()
        if not base_url:
            raise RuntimeError(f"the stand-in did not start: exit code {process.wait()}")
        server = cls(process, base_url)
        if plain:
            server._call("configure", plain)
        return server

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self.stop()

    def stop(self) -> None:
        """Stop it; connections break off."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> "StandIn":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def configure(self, **changes: Any) -> None:
        """Change settings, see `settings.Settings`; what is not named stays. Faults count anew."""
        self._call("configure", to_json(changes))

    def stats(self) -> Stats:
        """What has happened."""
        return _stats(self._call("stats"))

    def counts(self) -> Stats:
        """The sums only: quick, also after many thousand questions."""
        return _stats(self._call("counts"))

    def questions(self) -> list[dict[str, Any]]:
        """The recorded requests: id, purpose, body, asked, answered, repeated; in order of their first arrival."""
        found: list[dict[str, Any]] = self._call("questions")
        return found

    def reset(self) -> None:
        """Forget what happened; settings stay."""
        self._call("reset")

    def pause(self, after: int | None = None, purpose: str | None = None) -> None:
        """Hold all answers from now on, or once `after` more answers (of a purpose) were given."""
        self._call("pause", {"after": after, "purpose": purpose})

    def gather(self, count: int, purpose: str, *, in_waves: bool = False) -> None:
        """Hold the answers of a purpose until `count` of them wait at the same time; then let all go, for good, or
        (in waves) hold the next ones again."""
        self._call("gather", {"count": count, "purpose": purpose, "in_waves": in_waves})

    def resume(self) -> None:
        """Let the held answers go."""
        self._call("resume")

    def wait_until(self, condition: Callable[[Stats], bool], patience: float = PATIENCE) -> Stats:
        """Poll the sums until `condition` holds.

        Raises:
            TimeoutError: it did not come true in time; says what the sums were.
        """
        deadline = time.monotonic() + patience
        while True:
            stats = self.counts()
            if condition(stats):
                return stats
            if time.monotonic() > deadline:
                raise TimeoutError(f"still not so after {patience:g} s: {stats}")
            time.sleep(0.01)

    def metrics(self) -> str:
        """The text of `/metrics`."""
        return self._get("GET", "/metrics", b"").decode()

    def _call(self, action: str, body: dict[str, Any] | None = None) -> Any:
        payload = json.dumps(body).encode() if body is not None else b""
        return json.loads(self._get("POST", f"/admin/{action}", payload))

    def _get(self, method: str, path: str, body: bytes) -> bytes:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            line.request(method, path, body)
            answer = line.getresponse()
            content = answer.read()
        finally:
            line.close()
        if answer.status != 200:
            raise ValueError(content.decode())
        return content


def _stats(found: dict[str, Any]) -> Stats:
    elapsed = found["elapsed"]
    return Stats(
        asked=Counter(found["asked"]),
        answered=Counter(found["answered"]),
        in_flight=found["in_flight"],
        peak_in_flight=found["peak_in_flight"],
        peaks=Counter(found["peaks"]),
        running=found["running"],
        waiting=found["waiting"],
        looks=found["looks"],
        abandoned=found["abandoned"],
        faults=Counter(found["faults"]),
        mean_in_flight=found["in_flight_seconds"] / elapsed if elapsed else 0.0,
        elapsed=elapsed,
        statuses=found.get("statuses", []),
        questions=found.get("questions", {}),
        inputs=found.get("inputs", {}),
    )
