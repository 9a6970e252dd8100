"""The processes of `fileintel up`: `python -P -m fileintel.local.service`, with settings in the environment.

A plain Python process, never patched. It holds the membership in the embedded PostgreSQL and the lock of the
service, and starts everything else: Redis, the schema upgrade, the API, two workers.
"""

import argparse
import contextlib
import http.client
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from fileintel import queues
from fileintel.child_processes import ChildProcesses, birth, end_groups
from fileintel.errors import EXIT_INTERRUPTED, ConflictError, DatabaseUnavailable, FileIntelError, ServiceUnavailable
from fileintel.local.console import Console
from fileintel.local.detached import clean_environment
from fileintel.local.file_lock import FileLock
from fileintel.local.postgres import EmbeddedPostgres
from fileintel.local.program import ProcessRecord, Program, Role
from fileintel.local.redis import EmbeddedRedis
from fileintel.local.service_processes import postgres_pid
from fileintel.local.service_state import LOCK, LOG, ServiceState, clear_state, read_state, write_state
from fileintel.local.supervisor import Supervisor

LOCK_LIMIT = 30.0  # seconds that the watchdog of a killed service needs at most
LOCK_POLL = 0.1  # seconds between two attempts to take the lock
POSTGRES_STOP_LIMIT = 2.0  # seconds
POSTGRES_STOP_POLL = 0.02  # seconds
PROBE_LIMIT = 1.0  # seconds for an answer of the API, which is on this machine
ANY_ADDRESS = ("0.0.0.0", "::", "")
ROOT_WARNING = "ignore:You're running the worker with superuser privileges"
CELERY_READY = " ready."  # the worker's own words
PYTHON = (sys.executable, "-P")  # the folder that the user stands in must not shadow modules


@dataclass(frozen=True)
class Options:
    """How the service is wanted.

    Parameters:
      home: the folder of this installation.
      host, port: where the API listens.
      workers: processes of the prefork worker.
      detached: everything is printed into the log file.
      insecure: the API may listen to other machines although there is no key.
    """

    home: Path
    host: str
    port: int
    workers: int
    detached: bool = False
    insecure: bool = False

    @property
    def url(self) -> str:
        """Return the URL of the API on this machine."""
        host = "127.0.0.1" if self.host in ANY_ADDRESS else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def arguments(self) -> list[str]:
        """Return the options as arguments of `main`."""
        given = [str(self.home), self.host, str(self.port), str(self.workers)]
        flags = {"--detached": self.detached, "--insecure": self.insecure}
        return [*given, *(flag for flag, wanted in flags.items() if wanted)]


def command(options: Options) -> list[str]:
    """Return the command that runs the service."""
    return [*PYTHON, "-m", "fileintel.local.service", *options.arguments()]


def programs(options: Options, environment: dict[str, str], redis: EmbeddedRedis | None) -> list[Program]:
    """Return the programs of the service, in the order of their start.

    Parameters:
      environment: with DATABASE_URL and the URLs for Celery.
      redis: None when the service does not start the broker.
    """
    fileintel = (*PYTHON, "-m", "fileintel")
    program, *words = queues.CELERY
    celery = (*PYTHON, "-m", program, "--quiet", *words)
    level = "--loglevel=DEBUG" if environment.get("LOG_LEVEL") == "DEBUG" else "--loglevel=INFO"  # for CELERY_READY
    graphrag = (*celery, *queues.GRAPH_WORKER.options(), level)
    main = (*celery, *queues.MAIN_WORKER.options(concurrency=options.workers), level)
    api = ["api", "--host", options.host, "--port", str(options.port), *["--insecure"] * options.insecure]
    found = [
        Program("schema", (*fileintel, "db", "upgrade"), environment, role=Role.TASK),
        Program("api", (*fileintel, *api), environment, ready=lambda: _answers(options.url)),
        Program("graphrag-worker", graphrag, environment, ready=CELERY_READY),
        Program("main-worker", main, environment, ready=CELERY_READY),
    ]
    if redis is not None:
        server = Program(
            "redis", redis.command, clean_environment(), redis.answers, role=Role.FOUNDATION, prepare=redis.prepare
        )
        found.insert(0, server)
    return found


def _answers(url: str) -> bool:
    """Return whether the API says that it is ready."""
    address = url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=PROBE_LIMIT)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Service:
    """One service in one home: takes the lock, brings up what the programs stand on, runs them."""

    def __init__(self, options: Options, environment: dict[str, str]) -> None:
        self._options = options
        self._environment = {**environment, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": _quieter(environment)}
        self._lock = FileLock(options.home / LOCK)
        self._postgres = None if environment.get("DATABASE_URL") else EmbeddedPostgres(options.home)
        self._redis = None if environment.get("CELERY_BROKER_URL") else EmbeddedRedis(options.home)
        self._console: Console | None = None
        self._postgres_server: tuple[int, int | None] | None = None  # the process, see `birth`
        self._postgres_restarts = 0
        self._records: Sequence[ProcessRecord] = ()
        self._since = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._ready = False

    def run(self) -> int:
        """Run until it is told to stop, and return the exit code.

        Raises: ConflictError for a second service, ServiceUnavailable for a port that is taken, DatabaseUnavailable,
          ServiceFailed.
        """
        home = self._options.home
        home.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            _end_remains(home)
            self._options = replace(self._options, port=_free_port(self._options.host, self._options.port))
            self._write()
            if self._postgres is not None:
                self._environment["DATABASE_URL"] = self._postgres.join()
                self._note_server()
            if self._redis is not None:
                self._environment["CELERY_BROKER_URL"] = self._redis.broker_url
                self._environment.setdefault("CELERY_RESULT_BACKEND", self._redis.result_backend_url)
            return self._supervise()
        finally:
            if self._redis is not None:
                self._redis.clear()
            if self._postgres is not None:
                _leave(self._postgres)
            clear_state(home)
            self._lock.release()

    def _supervise(self) -> int:
        found = programs(self._options, self._environment, self._redis)
        log = self._options.home / LOG if self._options.detached else None
        self._console = Console([program.name for program in found], log)
        processes = ChildProcesses(self._lock)
        if os.geteuid() == 0:
            self._console.say("this is root: it works, and an ordinary user is safer")
        return Supervisor(
            found, self._console, processes, on_ready=self._announce, on_change=self._note, tend=self._tend
        ).run()

    def _take_lock(self) -> None:
        give_up = time.monotonic() + LOCK_LIMIT
        while not self._lock.acquire(exclusive=True, limit=0):
            other = read_state(self._options.home)
            if other is not None and other.alive:
                raise ConflictError(
                    f"a service runs in {self._options.home} already: process {other.pid}, {other.url}; "
                    "`fileintel down` stops it"
                )
            if time.monotonic() > give_up:  # the watchdog of a killed service takes some seconds
                raise ConflictError(f"the remains of another service in {self._options.home} do not end; try again")
            time.sleep(LOCK_POLL)

    def _announce(self) -> None:
        assert self._console is not None
        self._ready = True
        self._write()
        url = self._options.url
        self._console.say(f"ready: {url}\ndocs:  {url}/docs\nstop:  Ctrl-C")

    def _note(self, records: Sequence[ProcessRecord]) -> None:
        self._records = records
        self._write()

    def _write(self) -> None:
        options = self._options
        log = str(options.home / LOG) if options.detached else None
        state = ServiceState(
            pid=os.getpid(),
            born=birth(os.getpid()) or 0,
            url=options.url,
            since=self._since,
            ready=self._ready,
            embedded_postgres=self._postgres is not None,
            postgres_restarts=self._postgres_restarts,
            log=log,
            processes=self._records,
        )
        with contextlib.suppress(OSError):  # a full disk must not end the service
            write_state(options.home, state)

    def _tend(self) -> None:
        """Start PostgreSQL again if it was killed, and count that; another member may have started it already."""
        if self._postgres is None:
            return
        if not self._postgres.running():
            assert self._console is not None
            self._console.say("postgres has ended; starting it again")
            try:
                self._postgres.join()
            except DatabaseUnavailable as error:
                self._console.say(str(error))
        self._note_server()

    def _note_server(self) -> None:
        pid = postgres_pid(self._options.home)
        server = (pid, birth(pid)) if pid is not None else None
        if server is None or server == self._postgres_server:
            return
        if self._postgres_server is not None:
            self._postgres_restarts += 1
            self._write()
        self._postgres_server = server


def _quieter(environment: Mapping[str, str]) -> str:
    """Python's warning filters, without eight lines of Celery's for root at each start of a worker."""
    given = environment.get("PYTHONWARNINGS")
    return f"{given},{ROOT_WARNING}" if given else ROOT_WARNING


def _leave(postgres: EmbeddedPostgres) -> None:
    """Leave, and give the server the moment that it needs to stop, unless other processes keep it running."""
    postgres.leave()
    give_up = time.monotonic() + POSTGRES_STOP_LIMIT
    while postgres.running() and time.monotonic() < give_up:
        time.sleep(POSTGRES_STOP_POLL)


def _end_remains(home: Path) -> None:
    """End what a service has left whose supervisor and watchdog were both killed. Needs the lock."""
    state = read_state(home)
    if state is None:
        return
    groups = [each.pid for each in state.processes if each.pid is not None and birth(each.pid) == each.born]
    if groups:
        end_groups(groups)


def _free_port(host: str, port: int) -> int:
    """Return the port, or a free one for 0.

    Raises: ServiceUnavailable when it is taken or cannot be had, as `fileintel api` does.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the API's server does
            probe.bind(address)
            probe.listen(1)
            return int(probe.getsockname()[1])
    except OSError as error:
        raise ServiceUnavailable(
            f"cannot listen on {host} port {port}: {error.strerror or error}; choose another one with --port"
        ) from error


def _parse(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m fileintel.local.service")
    parser.add_argument("home", type=Path)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("workers", type=int)
    parser.add_argument("--detached", action="store_true")
    parser.add_argument("--insecure", action="store_true")
    return Options(**vars(parser.parse_args(arguments)))


def main() -> int:
    """Run the service; an error is one line on stderr."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until the supervisor listens
    try:
        return Service(_parse(sys.argv[1:]), dict(os.environ)).run()
    except FileIntelError as error:
        message, code = str(error), error.exit_code
    except OSError as error:
        message, code = f"{error.filename or 'the service'}: {error.strerror or error}", FileIntelError.exit_code
    except KeyboardInterrupt:
        message, code = "interrupted", EXIT_INTERRUPTED
    print(f"error: {' '.join(message.split())}", file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
