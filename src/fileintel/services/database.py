"""The schema of the database, which an administrator brings up to date."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fileintel.workspace import Workspace


def upgrade(workspace: "Workspace") -> str:
    """Bring the database to this version's schema, whose revision is returned. Safe to repeat."""
    from fileintel.storage import schema

    schema.upgrade(workspace.unchecked_database)
    return schema.HEAD


def revision(workspace: "Workspace") -> str | None:
    """Return the revision of the schema that the database stands at; None for a database without one."""
    from fileintel.storage import schema

    return schema.revision(workspace.unchecked_database)
