"""Bringing a database to the schema of this program version."""

from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from fileintel.errors import DatabaseUnavailable
from fileintel.resources import PACKAGE
from fileintel.storage.engine import Database

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0001_initial"  # the newest migration; compared without loading Alembic, which takes half a second at each start


def revision(database: Database) -> str | None:
    """The migration that the database stands at; None where there is none yet."""
    with database.transaction() as session:
        return _revision(session.connection())


def _revision(connection: Connection) -> str | None:
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def upgrade(database: Database) -> None:
    """Run the missing migrations. Safe to call from several processes at once: they take turns.

    Raises:
      DatabaseUnavailable: the schema is too old to be brought over.
    """
    from alembic import command

    from fileintel.storage import earlier_schema

    config = alembic_config()
    with database.engine.begin() as connection:
        # a transaction-level lock, because session-level ones do not survive PgBouncer's transaction mode
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('fileintel.schema'))"))
        config.attributes["connection"] = connection
        found = _revision(connection)
        if found is not None and earlier_schema.bring_over(connection, found):
            command.stamp(config, HEAD, purge=True)
        command.upgrade(config, "head")


def alembic_config() -> "Config":
    """Alembic's configuration, without a file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(PACKAGE / "storage" / "migrations"))
    return config


def require_head(database: Database) -> None:
    """Raise DatabaseUnavailable, with what to do, unless the schema is this version's."""
    found = revision(database)
    if found != HEAD:
        state = "has no FileIntel schema" if found is None else f"has schema {found}, this version needs {HEAD}"
        raise DatabaseUnavailable(f"the database {state}: run `fileintel db upgrade`")
