"""The connection to PostgreSQL: one bounded pool per process, short transactions.

Everything here is safe behind PgBouncer in transaction mode: no SET, no session-level locks, no cursors
that outlive a transaction, no start-up options.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from fileintel.errors import DatabaseUnavailable

CONNECT_TIMEOUT_SECONDS = 10
RECYCLE_SECONDS = 1800  # servers and poolers in between close idle connections; half an hour is below usual limits


class Database:
    """Owns the connection pool of this process and hands out sessions.

    A session belongs to the greenlet or thread that opened it, and lives as long as one transaction.

    Parameters:
      url: SQLAlchemy URL with the psycopg2 driver.
      pool_size: connections this process holds at most; who comes later waits.
      pool_timeout: how long to wait for a free connection, in seconds.
    """

    def __init__(self, url: str, pool_size: int = 10, pool_timeout: float = 60.0) -> None:
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
          DatabaseUnavailable: PostgreSQL does not answer.
        """
        try:
            with self._sessions.begin() as session:
                yield session
        except (OperationalError, InterfaceError) as error:
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


def _is_connection_trouble(error: OperationalError | InterfaceError) -> bool:
    # class 08 is "connection exception", 57P0x "server is going down"; without a code the driver never got through
    code: str | None = getattr(error.orig, "pgcode", None)
    return code is None or code.startswith(("08", "57P"))


def _first_line(error: Exception) -> str:
    return str(error.__cause__ or error).strip().splitlines()[0]
