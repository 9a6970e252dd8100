"""Running the built-in model's server as a child process of this one."""

import atexit
import contextlib
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from types import TracebackType
from typing import IO

from fileintel.errors import ModelServerUnavailable

START_TIMEOUT = 15.0  # seconds; a start takes a quarter of one on an idle machine
STOP_TIMEOUT = 5.0  # seconds before the child is killed
MODULE = "fileintel.builtin_model.server"


class BuiltinModelServer:
    """The built-in model's server in a child process.

    Use it as a context manager, or call `start` and `stop`. `ensure` gives the base URL of a living server and restarts
    one that died, on the same port if that is still free. The child ends with this process in any case, because it
    exits when its stdin closes or its parent is gone. It has its own session, so Ctrl-C in the terminal does not reach
    it before this process is done with it. Works in threads and greenlets alike: only pipes and `subprocess` are used.

    Raises:
        ModelServerUnavailable: from `start` and `ensure`, when the child does not come up.
    """

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._base_url = ""
        self._owner = 0  # process id: a fork must not stop the server of its parent
        self._lock = threading.Lock()

    def start(self) -> str:
        """Start the server unless it runs, and return its base URL, `http://127.0.0.1:PORT/v1`."""
        with self._lock:
            if not self._alive():
                self._start(self._port)
            return self._base_url

    def ensure(self) -> str:
        """Return the base URL of a living server; start or restart it if need be."""
        return self.start()

    @property
    def base_url(self) -> str:
        """The base URL of the server that was started last; empty before the first start."""
        return self._base_url

    @property
    def running(self) -> bool:
        """The child is alive."""
        return self._alive()

    @property
    def pid(self) -> int | None:
        """The process id of the child."""
        return self._process.pid if self._process else None

    def stop(self) -> None:
        """Stop the server; harmless when it does not run, and in a fork of the process that started it."""
        with self._lock:
            self._stop()

    def __enter__(self) -> "BuiltinModelServer":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _alive(self) -> bool:
        if self._process is None:
            return False
        if self._owner != os.getpid():
            return True  # a child of our parent: only that one can tell
        return self._process.poll() is None

    def _start(self, port: int) -> None:
        self._discard()
        try:
            self._spawn(port)
        except ModelServerUnavailable:
            if not port:
                raise
            self._spawn(0)  # another process took the port meanwhile

    def _spawn(self, port: int) -> None:
        # -P: the directory that the user stands in must not shadow modules of the standard library.
        command = [sys.executable, "-P", "-m", MODULE, "--port", str(port)]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - read only if the start fails
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        self._owner = os.getpid()
        line = self._first_line()
        if not line.startswith("http://"):
            reason = self._failure()
            self._discard()
            raise ModelServerUnavailable(f"The built-in model server did not start: {reason}")
        self._base_url = line
        self._port = int(line.rsplit(":", 1)[1].partition("/")[0])
        atexit.register(self.stop)

    def _first_line(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        pipe, found = self._process.stdout.fileno(), b""
        deadline = time.monotonic() + START_TIMEOUT
        while b"\n" not in found and time.monotonic() < deadline:
            ready, _, _ = select.select([pipe], [], [], 0.5)
            piece = os.read(pipe, 4096) if ready else None
            if piece == b"":
                break
            found += piece or b""
        return found.decode("ascii", "replace").partition("\n")[0].strip()

    def _failure(self) -> str:
        assert self._process is not None
        assert self._errors is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        if lines:
            return lines[-1]
        code = self._process.poll()
        return f"no answer within {START_TIMEOUT:g} s" if code is None else f"exit code {code}"

    def _stop(self) -> None:
        if self._process is not None and self._owner == os.getpid():
            atexit.unregister(self.stop)
            self._discard()

    def _discard(self) -> None:
        """Close the pipes of the child, which ends it, and reap it."""
        process, self._process = self._process, None
        if process is not None and self._owner == os.getpid():
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._errors is not None:
            self._errors.close()
            self._errors = None
