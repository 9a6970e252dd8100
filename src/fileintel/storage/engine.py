"""The connection to PostgreSQL: one bounded pool per process, short transactions.

Everything here is safe behind PgBouncer in transaction mode: no SET, no session-level locks, no cursors
that outlive a transaction, no start-up options.
"""

import contextlib
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import psycopg2
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Engine, ExceptionContext
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session, sessionmaker

from fileintel.errors import DatabaseConflict, DatabaseUnavailable
from fileintel.runtime import has_arrived, is_green

CONNECT_TIMEOUT_SECONDS = 10
RECYCLE_SECONDS = 1800  # servers and poolers in between close idle connections; half an hour is below usual limits
TRUSTED_SECONDS = 5.0  # after it was handed out last, a connection that nothing has come in on is taken to work
PAUSE_SECONDS = 0.5  # between two attempts to reach a database that is away
CONFLICT_PAUSE_SECONDS = 0.1  # at most, by chance: two that were in each other's way must not meet again
# A machine that vanishes closes no connection: libpq asks after 30 s of silence, and gives up on no answer after 60.
KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60_000}

# SQLSTATEs of PostgreSQL's appendix A.
STATEMENT_TIMEOUT = "57014"  # query_canceled
READ_ONLY = "25006"  # read_only_sql_transaction: what was the primary is a standby now
CONFLICTS = {
    "40001": "two transactions were in each other's way",  # serialization_failure
    "40P01": "two transactions waited for each other",  # deadlock_detected
    "55P03": "a lock was not to be had in time",  # lock_not_available
}
ADVICE = {
    READ_ONLY: "it is a standby that only reads: connect to the primary",
    "53100": "its disk is full: free space there",  # disk_full
    "53200": "it has no memory left",  # out_of_memory
    "53300": "it takes no more connections: lower storage.pool_size, or connect through PgBouncer",
}
# "connection exception", "insufficient resources", "operator intervention" (57014 among it), "system error"
AWAY = ("08", "53", "57", "58")

T = TypeVar("T")


class Database:
    """Owns the connection pool of this process and hands out sessions.

    A session belongs to the greenlet or thread that opened it, and lives as long as one transaction.

    Parameters:
      url: SQLAlchemy URL with the psycopg2 driver.
      pool_size: connections this process holds at most; who comes later waits.
      pool_timeout: how long to wait for a free connection, in seconds.
      statement_timeout: how long one statement may take, in seconds; None leaves it to the server.
      patience: how long `retrying` waits for a database that is away, in seconds.
      revive: brings the server back, where that is in our hands; called now and then while it is away.
    """

    def __init__(
        self,
        url: str,
        pool_size: int = 10,
        pool_timeout: float = 60.0,
        statement_timeout: float | None = None,
        patience: float = 300.0,
        revive: Callable[[], object] = lambda: None,
    ) -> None:
        self._pool_size = pool_size
        self._statement_timeout = statement_timeout
        self._patience = patience
        self._revive = revive
        self.engine: Engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_timeout,
            pool_pre_ping=True,
            pool_use_lifo=True,  # what was used last is warm: the server has what it needs of the tables at hand
            pool_recycle=RECYCLE_SECONDS,
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                "fallback_application_name": "fileintel",
                **KEEPALIVE,
            },
        )
        event.listen(self.engine, "handle_error", _leave_a_standby)
        event.listen(self.engine, "do_connect", _look_up_host)
        dialect = self.engine.dialect
        dialect.do_ping = _Liveness(dialect.do_ping).holds  # type: ignore[assignment, method-assign]
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def transaction(self, *, alone: bool = False) -> Iterator[Session]:
        """One session, one transaction: committed at the end of the block, rolled back on an error.

        Parameters:
          alone: each statement of the block is a transaction by itself: it goes to the server without a BEGIN before
            it and a COMMIT behind it, in one round trip instead of three. For a single one, or where each is right
            without the others.

        Raises:
          DatabaseUnavailable: PostgreSQL does not answer, not in time, or cannot do its work now.
          DatabaseConflict: it has undone the transaction in favour of another one.
        """
        try:
            with self._sessions.begin() as session:
                if self._statement_timeout is not None:  # for this transaction only, as a pooler demands
                    milliseconds = str(round(self._statement_timeout * 1000))
                    session.execute(
                        text("SELECT set_config('statement_timeout', :value, true)"), {"value": milliseconds}
                    )
                elif alone:
                    with _without_begin(session):
                        yield session
                    return
                yield session
        except PoolTimeoutError as error:
            message = f"all {self._pool_size} connections of this process are in use: raise storage.pool_size"
            raise DatabaseUnavailable(message) from error
        except DBAPIError as error:
            known = self._explained(error)
            if known is None:
                raise
            raise known from error

    def retrying(self, work: Callable[[Session], T], patience: float | None = None, *, alone: bool = False) -> T:
        """What `work` returns, run in a transaction of its own; again while the database is away, or when another
        transaction was in its way.

        `work` must be harmless when it is repeated: a commit whose answer got lost has happened. `patience` takes
        the place of this database's own; `alone` is as in `transaction`.

        Raises:
          DatabaseUnavailable: for longer than patience lasts.
        """
        seconds = self._patience if patience is None else patience
        since: float | None = None
        while True:
            try:
                with self.transaction(alone=alone) as session:
                    return work(session)
            except DatabaseUnavailable as error:
                now = time.monotonic()
                since = now if since is None else since
                if now - since >= seconds:
                    raise
                in_the_way = isinstance(error, DatabaseConflict)
            if in_the_way:
                time.sleep(random.uniform(0, CONFLICT_PAUSE_SECONDS))
            else:
                time.sleep(PAUSE_SECONDS)
                with contextlib.suppress(DatabaseUnavailable):
                    self._revive()

    def check(self) -> None:
        """Raise DatabaseUnavailable unless a query comes back."""
        with self.transaction() as session:
            session.execute(text("SELECT 1"))

    def close(self) -> None:
        """Give all connections back to the server."""
        self.engine.dispose()

    def _explained(self, error: DBAPIError) -> DatabaseUnavailable | None:
        """The error as one that passes; None for a mistake in a statement, which does not."""
        code: str | None = getattr(error.orig, "pgcode", None)
        if code in CONFLICTS:
            return DatabaseConflict(f"PostgreSQL has undone a transaction, {CONFLICTS[code]}: {_first_line(error)}")
        if code in ADVICE:
            return DatabaseUnavailable(f"PostgreSQL cannot go on, {ADVICE[code]} ({_first_line(error)})")
        if code == STATEMENT_TIMEOUT and self._statement_timeout is not None:
            return DatabaseUnavailable(
                f"PostgreSQL took longer than storage.statement_timeout={self._statement_timeout:g} s"
            )
        # without a code the driver never got through, or what is in between said so (PgBouncer)
        never_got_through = code is None and isinstance(error, OperationalError | InterfaceError)
        if error.connection_invalidated or never_got_through or (code or "").startswith(AWAY):
            return DatabaseUnavailable(f"PostgreSQL does not answer: {self._placed(_first_line(error))}")
        return None

    def _placed(self, message: str) -> str:
        """The message with the server that it is about, which a connection made by greenlets leaves out."""
        host, port = self.engine.url.host, self.engine.url.port
        return message if host is None or host in message else f"{message} ({host}:{port or 5432})"


def sleep(session: Session, seconds: float) -> None:
    """Keep a connection waiting for the server, to see what else goes on meanwhile."""
    session.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})


class _Liveness:
    """Whether connections of the pool still work, which it asks before it hands one out.

    Asking the server costs a round trip, which most transactions of a question would pay for nothing. It is asked when
    the connection was not used lately, and when the server has closed it or has said something by itself.

    Parameters:
      ping: asks the server; raises what the driver raises.
    """

    def __init__(self, ping: Callable[[Any], bool]) -> None:
        self._ping = ping
        self._used_at: WeakKeyDictionary[Any, float] = WeakKeyDictionary()

    def holds(self, connection: Any) -> bool:
        """True, or what the driver raises."""
        now = time.monotonic()
        idle = now - self._used_at.get(connection, float("-inf"))
        self._used_at[connection] = now
        if idle < TRUSTED_SECONDS and not connection.closed and not has_arrived(connection.fileno()):
            return True
        return self._ping(connection)


def _look_up_host(_dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]) -> None:
    """Give libpq addresses beside the server's name. It would look the name up by itself, and no greenlet runs
    meanwhile: not for seconds, where a name server is away."""
    name = str(parameters.get("host") or "")
    if not is_green() or name.startswith("/") or not name or "," in name or "hostaddr" in parameters:
        return
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise psycopg2.OperationalError(f"could not translate host name {name!r} to an address: {error}") from error
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    parameters |= {"host": ",".join([name] * len(addresses)), "hostaddr": ",".join(addresses)}


@contextmanager
def _without_begin(session: Session) -> Iterator[None]:
    """Let the driver send no BEGIN. Not by SQLAlchemy's isolation level AUTOCOMMIT: that is taken back while a
    connection is on its way into the pool, and one that has died by then never arrives there (SQLAlchemy 2.1: its
    place in the pool was lost for good)."""
    connection = session.connection().connection.dbapi_connection
    assert connection is not None
    connection.autocommit = True
    try:
        yield
    finally:
        with contextlib.suppress(psycopg2.Error):  # it is closed, and will not be used any more
            connection.autocommit = False


def _leave_a_standby(context: ExceptionContext) -> None:
    """After a failover, connections to what is a standby now are of no use: all of the pool are made anew."""
    if getattr(context.original_exception, "pgcode", None) == READ_ONLY:
        context.is_disconnect = True


def _first_line(error: DBAPIError) -> str:
    lines = str(error.orig or error).strip().splitlines()
    return lines[0] if lines else type(error.orig).__name__
