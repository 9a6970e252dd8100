"""The connection to PostgreSQL: one bounded pool per process, short transactions.

Everything here is safe behind PgBouncer in transaction mode: no SET, no session-level locks, no cursors
that outlive a transaction, no start-up options.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session, sessionmaker

from fileintel.errors import DatabaseUnavailable

CONNECT_TIMEOUT_SECONDS = 10
RECYCLE_SECONDS = 1800  # servers and poolers in between close idle connections; half an hour is below usual limits
STATEMENT_TIMEOUT = "57014"  # "query_canceled" in PostgreSQL's appendix A


class Database:
    """Owns the connection pool of this process and hands out sessions.

    A session belongs to the greenlet or thread that opened it, and lives as long as one transaction.

    Parameters:
      url: SQLAlchemy URL with the psycopg2 driver.
      pool_size: connections this process holds at most; who comes later waits.
      pool_timeout: how long to wait for a free connection, in seconds.
      statement_timeout: how long one statement may take, in seconds; None leaves it to the server.
    """

    def __init__(
        self, url: str, pool_size: int = 10, pool_timeout: float = 60.0, statement_timeout: float | None = None
    ) -> None:
        self._pool_size = pool_size
        self._statement_timeout = statement_timeout
        self.engine: Engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_timeout,
            pool_pre_ping=True,
            pool_recycle=RECYCLE_SECONDS,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS, "application_name": "fileintel"},
        )
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One session, one transaction: committed at the end of the block, rolled back on an error.

        Raises:
          DatabaseUnavailable: PostgreSQL does not answer, or not in time.
        """
        try:
            with self._sessions.begin() as session:
                if self._statement_timeout is not None:  # for this transaction only, as a pooler demands
                    milliseconds = str(round(self._statement_timeout * 1000))
                    session.execute(
                        text("SELECT set_config('statement_timeout', :value, true)"), {"value": milliseconds}
                    )
                yield session
        except PoolTimeoutError as error:
            message = f"all {self._pool_size} connections of this process are in use: raise storage.pool_size"
            raise DatabaseUnavailable(message) from error
        except DBAPIError as error:
            if getattr(error.orig, "pgcode", None) == STATEMENT_TIMEOUT and self._statement_timeout is not None:
                message = f"PostgreSQL took longer than storage.statement_timeout={self._statement_timeout:g} s"
                raise DatabaseUnavailable(message) from error
            if not error.connection_invalidated and not _is_connection_trouble(error):
                raise
            raise DatabaseUnavailable(f"PostgreSQL does not answer: {_first_line(error)}") from error

    def check(self) -> None:
        """Raise DatabaseUnavailable unless a query comes back."""
        with self.transaction() as session:
            session.execute(text("SELECT 1"))

    def close(self) -> None:
        """Give all connections back to the server."""
        self.engine.dispose()


def _is_connection_trouble(error: DBAPIError) -> bool:
    # class 08 is "connection exception", 57P0x "server is going down"; without a code the driver never got through
    code: str | None = getattr(error.orig, "pgcode", None)
    if code is None:
        return isinstance(error, OperationalError | InterfaceError)
    return code.startswith(("08", "57P"))


def _first_line(error: DBAPIError) -> str:
    lines = str(error.orig or error).strip().splitlines()
    return lines[0] if lines else type(error.orig).__name__
