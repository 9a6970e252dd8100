"""The embedded PostgreSQL: started on first need, shared by processes, stopped when the last one leaves.

Three locks of the kernel do all the agreeing. They need no cleaning up, because a process that dies loses them.

- `postgres.members`: every member holds it shared. A process that holds it alone (the keeper) may stop
  the server, so no server is stopped while it has a member.
- `postgres.start`: held alone while a member starts the server or creates the database.
- `postgres.keeper`: held by the keeper process from its start; a member that can take it starts a new keeper.

A server that outlives both its keeper and all members (all of them killed at once) idles until the next
process joins, uses it and brings a new keeper.
"""

import atexit
import contextlib
import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg2

from fileintel.errors import DatabaseUnavailable
from fileintel.local import keeper
from fileintel.local.data_folder import ROLE
from fileintel.local.detached import start_detached
from fileintel.local.file_lock import FileLock
from fileintel.local.server import RunningServer, Server
from fileintel.local.server_identity import RootMode
from fileintel.local.socket_folder import PORT
from fileintel.storage import new_server

DATABASE = "fileintel"
JOIN_LIMIT = 120.0  # seconds to wait for a keeper that is stopping the server; a large checkpoint takes some
START_LOCK_LIMIT = 330.0  # seconds; a little more than the slowest start that another member may be at
ANSWER_LIMIT = 30.0  # seconds for a running server to accept a connection; recovery from a killed backend takes 0.1
STARTS = 3  # attempts, should the server be killed while we start it
POLL_INTERVAL = 0.02  # seconds between two attempts to connect


class EmbeddedPostgres:
    """A PostgreSQL with pgvector of our own, below `home`: for machines that bring no database.

    Every process that needs it makes one object, calls `join()` and connects with the URL. The server is
    reached through a private unix socket only. Membership ends with `leave()` or with the process, however
    it ends; the server stops when no member is left. Objects may be shared by threads and greenlets.

    A forked child is not a member, and its parent's death may stop the server: it calls `join()` itself.
    Programs that a member starts never hold the membership.

    Parameters:
      home: the folder of this installation; made if missing. Two homes have two servers.
      root_mode: for the user root only, how the server avoids to be root: "namespace", "user", or "auto" for
        the first that works. See `server_identity`.
    """

    def __init__(self, home: Path, *, root_mode: RootMode = "auto") -> None:
        self._home = Path(home).expanduser().resolve()
        self._server = Server(self._home, root_mode)
        self._members = FileLock(self._home / "postgres.members")
        self._start = FileLock(self._home / "postgres.start")
        self._guard = threading.RLock()
        self._guarded_process = os.getpid()

    def join(self) -> str:
        """Become a member, make the server run and accept connections, and return its SQLAlchemy URL.

        The database `fileintel` exists afterwards. May be called again at any time: it starts a server that
        has died meanwhile.

        Raises: DatabaseUnavailable, one line: what is wrong, where, and what to do.
        """
        with self._exclusively():
            was_member = self._members.held
            try:
                self._home.mkdir(parents=True, exist_ok=True)
                self._become_member()
                self._ensure_keeper()
                url = _url(self._answering_server())
            except BaseException as error:
                if not was_member:
                    self._members.release()
                if isinstance(error, OSError | subprocess.SubprocessError):
                    raise DatabaseUnavailable(self._explain(error)) from error
                raise
            if not was_member:
                atexit.register(self.leave)
            return url

    def leave(self) -> None:
        """End the membership; the keeper stops the server if it was the last one. Does not wait for that.

        Called at the end of the process too. May be called at any time, and again.
        """
        with self._exclusively():
            atexit.unregister(self.leave)
            if self._members.held:
                with contextlib.suppress(OSError, subprocess.SubprocessError):
                    self._ensure_keeper()  # should it have been killed, the server would stay
            self._members.release()

    def running(self) -> bool:
        """Return whether the server of this home lives and accepts connections, whichever process started it."""
        try:
            server = self._server.running()
        except OSError:  # another user's
            return False
        return server is not None and server.ready

    @contextlib.contextmanager
    def _exclusively(self) -> Iterator[None]:
        if self._guarded_process != os.getpid():  # another thread may have held the guard when we were forked
            self._guard, self._guarded_process = threading.RLock(), os.getpid()
        with self._guard:
            yield

    def _become_member(self) -> None:
        if not self._members.held and not self._members.acquire(exclusive=False, limit=JOIN_LIMIT):
            raise DatabaseUnavailable(
                f"PostgreSQL in {self._home} is still stopping after {JOIN_LIMIT:.0f} s; try again later, and see "
                f"{self._server.log}"
            )

    def _ensure_keeper(self) -> None:
        """The keeper comes before the server, so that a member killed in between leaves no server alone.

        The lock is handed over to the new process, so there is no moment at which two could start one.
        """
        lock = FileLock(self._home / "postgres.keeper")
        if not lock.acquire(exclusive=True, limit=0):
            return
        # a copy, because a fork closes the lock's own descriptor in the child: gevent's subprocess forks by os.fork
        inherited = os.dup(lock.fileno())
        try:
            arguments = [str(self._server.data), str(self._members.path), str(inherited)]
            start_detached([sys.executable, "-I", "-S", keeper.__file__, *arguments], pass_fds=[inherited])
        finally:
            os.close(inherited)
            lock.release()  # our copies of the descriptor; the keeper has its own

    def _answering_server(self) -> RunningServer:
        for _ in range(STARTS):
            server = self._server.wait_until_ready()
            if server is None:
                with self._starting():
                    if self._server.running() is None:
                        self._server.start()
                    server = self._server.wait_until_ready()
            if server is not None and self._answers(server):
                return server
        raise DatabaseUnavailable(
            f"PostgreSQL in {self._home} has died {STARTS} times while it was started: see {self._server.log}"
        )

    @contextlib.contextmanager
    def _starting(self) -> Iterator[None]:
        with self._start.exclusively(START_LOCK_LIMIT) as acquired:
            if not acquired:
                raise DatabaseUnavailable(
                    f"another process is still starting PostgreSQL in {self._home} after {START_LOCK_LIMIT:.0f} s: "
                    f"see {self._server.log}"
                )
            yield

    def _answers(self, server: RunningServer) -> bool:
        """Connect, and create the database if it is missing. False when the server dies meanwhile.

        Raises: DatabaseUnavailable when the server lives and still does not accept a connection.
        """
        give_up = time.monotonic() + ANSWER_LIMIT
        while True:
            try:
                place = server.socket_folder, PORT, ROLE
                if not new_server.has_database(DATABASE, *place):
                    with self._starting():
                        if not new_server.has_database(DATABASE, *place):
                            new_server.create_database(DATABASE, *place)
                return True
            except psycopg2.Error as error:  # being started again after a killed backend, or full
                if self._server.running() is None:
                    return False
                if time.monotonic() > give_up:
                    reason = " ".join(str(error).split())
                    raise DatabaseUnavailable(
                        f"PostgreSQL in {self._home} runs (process {server.pid}) but does not answer: {reason}; see "
                        f"{self._server.log}"
                    ) from error
            time.sleep(POLL_INTERVAL)

    def _explain(self, error: OSError | subprocess.SubprocessError) -> str:
        if isinstance(error, PermissionError):
            place = error.filename or self._home
            return f"no permission for {place}: set FILEINTEL_HOME to a folder of your own, or DATABASE_URL"
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return f"the disk of {self._home} is full: free about 100 MB, or set FILEINTEL_HOME to another disk"
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        place = error.filename if isinstance(error, OSError) and error.filename else self._home
        return f"the embedded PostgreSQL cannot be used in {place}: {reason}; set FILEINTEL_HOME to another folder"


def _url(server: RunningServer) -> str:
    # the port is named, because libpq would otherwise take it from PGPORT
    return f"postgresql+psycopg2://{ROLE}@/{DATABASE}?host={quote(server.socket_folder)}&port={PORT}"
