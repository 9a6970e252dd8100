"""Watching a command while it runs."""

import subprocess
import threading

PATIENCE = 120.0  # seconds; a failure, not a pace


class Watched:
    """A running command whose stderr is read as it comes, so that a test can wait for a line of it."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self._lines: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def err(self) -> str:
        """What it has written to stderr."""
        return "".join(self._lines)

    def wait_for(self, words: str) -> None:
        """Wait until a line with these words is on stderr."""
        with self._news:
            assert self._news.wait_for(lambda: words in self.err, PATIENCE), self.err

    def end(self) -> tuple[int, str, str]:
        """Wait for the end; gives the exit code, stdout and stderr."""
        assert self.process.stdout is not None
        out = self.process.stdout.read()
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code, out, self.err

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self._lines.append(line)
                self._news.notify_all()
