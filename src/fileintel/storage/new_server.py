"""The statements for a PostgreSQL server that may not have the program's database yet."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg2

if TYPE_CHECKING:
    import psycopg2.extensions

MAINTENANCE_DATABASE = "postgres"  # initdb makes it, so it is there before ours is
CONNECT_TIMEOUT = 10  # seconds


def has_database(name: str, host: str, port: int, user: str) -> bool:
    """Tell whether the server at `host`, which may be the folder of its socket, has a database of this name.

    Raises: psycopg2.Error when the server does not accept a connection.
    """
    with _maintenance_cursor(host, port, user) as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        return cursor.fetchone() is not None


def create_database(name: str, host: str, port: int, user: str) -> None:
    """Create a database; `name` is an identifier. Parameters and errors are those of `has_database`."""
    with _maintenance_cursor(host, port, user) as cursor:
        cursor.execute(f"CREATE DATABASE {name}")


@contextmanager
def _maintenance_cursor(host: str, port: int, user: str) -> "Iterator[psycopg2.extensions.cursor]":
    connection = psycopg2.connect(
        dbname=MAINTENANCE_DATABASE,
        user=user,
        host=host,
        port=port,
        connect_timeout=CONNECT_TIMEOUT,
        application_name="fileintel join",
    )
    try:
        connection.autocommit = True  # CREATE DATABASE cannot run in a transaction
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()
