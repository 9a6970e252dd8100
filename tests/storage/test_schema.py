"""The schema: one line of migrations that agrees with the models, up and down, alone and in company."""

import re
import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from fileintel.errors import DatabaseUnavailable
from fileintel.storage import schema
from fileintel.storage.engine import Database
from fileintel.storage.models import Base

UPGRADE = """
import sys
from fileintel.storage import schema
from fileintel.storage.engine import Database
database = Database(sys.argv[1])
schema.upgrade(database)
schema.require_head(database)
"""


@pytest.fixture
def empty_url(server_url: str) -> Iterator[str]:
    """A database with nothing in it."""
    name = f"empty_{uuid.uuid4().hex[:12]}"
    url = make_url(server_url)
    admin = create_engine(url.set(database="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
    yield url.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    """That database, connected."""
    database = Database(empty_url, pool_size=2)
    yield database
    database.close()


def tables(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names())


def test_there_is_one_newest_migration_and_the_program_knows_it() -> None:
    assert ScriptDirectory.from_config(schema.alembic_config()).get_heads() == [schema.HEAD]


def test_the_models_are_what_the_migrations_make(database: Database) -> None:
    with database.engine.connect() as connection:

        def ours(name: str | None, kind: str, _: object) -> bool:
            return not (kind == "table" and name is not None and name.startswith("embeddings_"))

        options = {"compare_type": True, "compare_server_default": True, "include_name": ours}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []
        config = schema.alembic_config()
        config.attributes["connection"] = connection
        command.check(config)


def test_an_empty_database_is_brought_to_the_schema_once_or_twice(empty: Database) -> None:
    assert schema.revision(empty) is None
    with pytest.raises(DatabaseUnavailable, match="fileintel db upgrade"):
        schema.require_head(empty)
    for _ in range(2):
        schema.upgrade(empty)
        assert schema.revision(empty) == schema.HEAD
        schema.require_head(empty)
    assert tables(empty) == {*Base.metadata.tables, "alembic_version"}


def test_four_processes_can_upgrade_at_once(empty: Database, empty_url: str) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", UPGRADE, empty_url], stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    ends = [(process.communicate(timeout=60)[1], process.returncode) for process in processes]
    assert ends == [("", 0)] * 4
    schema.require_head(empty)


def test_indexes_of_vectors_are_built_anew_where_their_form_has_changed(empty: Database) -> None:
    schema.upgrade(empty)
    version = str(uuid.uuid4())
    table = f"embeddings_{version.replace('-', '')}"
    forms = {}
    with empty.engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE {table} PARTITION OF embeddings FOR VALUES IN ('{version}')"))
        for size in (3, 2_500):
            connection.execute(
                text(
                    f"CREATE INDEX of_{size} ON {table} USING hnsw ((vector::halfvec({size})) halfvec_cosine_ops) "
                    "WHERE kind = 'entity_description'"
                )
            )
    for move, revision in ((command.downgrade, "0005"), (command.upgrade, "head")):
        with empty.engine.begin() as connection:
            config = schema.alembic_config()
            config.attributes["connection"] = connection
            move(config, revision)
            found = connection.execute(text("SELECT indexdef FROM pg_indexes WHERE indexname LIKE 'of_%' ORDER BY 1"))
            forms[revision] = [re.findall(r"::(\w+\(\d+\))\) (\w+)", one)[0] for one in found.scalars()]
    long = ("halfvec(2500)", "halfvec_cosine_ops")
    assert sorted(forms["0005"]) == [long, ("vector(3)", "vector_cosine_ops")]
    assert sorted(forms["head"]) == [long, ("halfvec(3)", "halfvec_cosine_ops")]


def test_going_all_the_way_back_leaves_nothing(empty: Database) -> None:
    schema.upgrade(empty)
    config = schema.alembic_config()
    with empty.engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE embeddings_x PARTITION OF embeddings FOR VALUES IN ('{uuid.uuid4()}')"))
    with empty.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert tables(empty) == {"alembic_version"}
    with empty.transaction() as session:
        left = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname !~ '^alembic'"
        assert session.execute(text(left)).scalars().all() == []
        types = "SELECT count(*) FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'"
        assert session.execute(text(types)).scalar_one() == 0
    schema.upgrade(empty)
    schema.require_head(empty)


def test_a_newer_schema_is_not_touched_and_not_used(empty: Database) -> None:
    schema.upgrade(empty)
    with empty.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseUnavailable, match="has schema 9999"):
        schema.require_head(empty)
