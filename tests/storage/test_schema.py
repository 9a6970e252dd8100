"""The schema: one line of migrations that agrees with the models, up and down, alone and in company."""

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool

from fileintel.errors import DatabaseUnavailable
from fileintel.storage import schema
from fileintel.storage.engine import Database
from fileintel.storage.models import Base
from fileintel.storage.runs import Lease

EARLIER = Path(__file__).with_name("schema_0006.sql")
SET, UNIT, DOCUMENT = (str(uuid.UUID(int=number)) for number in (1, 2, 3))
LEFT_BEHIND = (
    "INSERT INTO collections VALUES (gen_random_uuid(), 'old', '', '{}', now())",
    f"INSERT INTO documents SELECT '{DOCUMENT}', id, 's', 'n', 't', 's', 'm', NULL, 1, 1, 1, '{{}}', now(), NULL, "
    "NULL, NULL, NULL, '{}' FROM collections",
    f"INSERT INTO passages VALUES ('{UNIT}', '{DOCUMENT}', 0, 0, 1, 1, 1, 1, 'x')",
    f"CREATE TABLE passage_vectors_{SET.replace('-', '')} (LIKE passage_vectors INCLUDING DEFAULTS INCLUDING INDEXES)",
    f"ALTER TABLE passage_vectors ATTACH PARTITION passage_vectors_{SET.replace('-', '')} FOR VALUES IN ('{SET}')",
    f"INSERT INTO passage_vectors VALUES ('{SET}', '{UNIT}', '[1,2]')",
    f"CREATE INDEX passage_vectors_{SET.replace('-', '')}_hnsw ON passage_vectors_{SET.replace('-', '')} "
    "USING hnsw ((vector::halfvec(2)) halfvec_cosine_ops)",
)
CATALOGUE = (
    """SELECT table_name, column_name, data_type, udt_name, is_nullable, column_default, character_maximum_length,
              col_description(('public.' || table_name)::regclass, ordinal_position)
         FROM information_schema.columns WHERE table_schema = 'public'""",
    """SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND contype <> 'n'""",
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    """SELECT relname, relkind, relpersistence, pg_get_partkeydef(oid), obj_description(oid, 'pg_class') FROM pg_class
        WHERE relnamespace = 'public'::regnamespace""",
)
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


def shape(database: Database) -> set[tuple[str, ...]]:
    """What the catalogue of PostgreSQL knows of a schema: columns, constraints, indexes, comments."""
    with database.transaction() as session:
        found = {tuple(map(str, row)) for query in CATALOGUE for row in session.execute(text(query))}
    return {row for row in found if not row[0].startswith("alembic_version")}


def tables(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names())


def test_there_is_one_newest_migration_and_the_program_knows_it() -> None:
    assert ScriptDirectory.from_config(schema.alembic_config()).get_heads() == [schema.HEAD]


def test_the_models_are_what_the_migrations_make(database: Database) -> None:
    with database.engine.connect() as connection:

        def ours(name: str | None, kind: str, _: object) -> bool:
            return not (kind == "table" and name is not None and name.startswith(("embeddings_", "text_unit_vectors_")))

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


def test_the_models_alone_make_the_same_schema(database: Database, empty: Database) -> None:
    with empty.engine.begin() as connection:
        connection.execute(text("CREATE EXTENSION vector"))
        Base.metadata.create_all(connection)
    assert shape(empty) == shape(database)


def test_every_table_says_what_it_holds(database: Database) -> None:
    with database.transaction() as session:
        said = dict(
            session.execute(
                text(
                    "SELECT relname, obj_description(oid, 'pg_class') FROM pg_class "
                    "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1"
                )
            ).all()
        )
    assert said == {**{table.name: table.comment for table in Base.metadata.sorted_tables}, "alembic_version": None}
    assert all(table.comment for table in Base.metadata.sorted_tables)


def test_a_database_from_before_the_squashing_is_brought_over(database: Database, empty: Database) -> None:
    with empty.engine.begin() as connection:
        connection.exec_driver_sql(EARLIER.read_text("utf-8"))
        for statement in LEFT_BEHIND:
            connection.execute(text(statement))
    with pytest.raises(DatabaseUnavailable, match="has schema 0006_shards"):
        schema.require_head(empty)
    schema.upgrade(empty)
    schema.require_head(empty)
    with empty.transaction() as session:
        kept = "SELECT text_unit_id FROM text_unit_vectors JOIN document_text_units ON id = text_unit_id"
        assert [str(one) for one in session.execute(text(kept)).scalars()] == [UNIT]
        partition = f"text_unit_vectors_{SET.replace('-', '')}"
        left = "SELECT indexname FROM pg_indexes WHERE tablename = :partition ORDER BY 1"
        assert session.execute(text(left), {"partition": partition}).scalars().all() == [
            f"{partition}_hnsw",
            f"{partition}_pkey",
        ]
        session.execute(text(f"DROP TABLE {partition}"))
    assert shape(empty) == shape(database)


def test_older_schemas_are_refused_with_what_to_do(empty: Database) -> None:
    with empty.engine.begin() as connection:
        connection.exec_driver_sql(EARLIER.read_text("utf-8"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0005'"))
    with pytest.raises(DatabaseUnavailable, match=r"has schema 0005.*run `fileintel db upgrade` of the checkout that"):
        schema.upgrade(empty)
    assert schema.revision(empty) == "0005"


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("INSERT INTO answers VALUES ('k', 'm', 'p', NULL, NULL, NULL, 0, 0, 0, now(), now())", "ck_answers_something"),
        ("INSERT INTO answers VALUES ('k', 'm', 'p', 'c', NULL, NULL, -1, 0, 0, now(), now())", "ck_answers_counts"),
        ("INSERT INTO collections VALUES (gen_random_uuid(), '', '', '{}', now())", "ck_collections_name"),
        ("UPDATE runs SET state = 'asleep'", "ck_runs_state"),
        ("UPDATE runs SET lease_expires_at = NULL", "ck_runs_lease"),
        ("UPDATE index_versions SET published_at = now()", "ck_index_versions_published"),
        ("INSERT INTO run_stages VALUES ((SELECT id FROM runs), 'x', 0, 1, -1, 0, 0, 0)", "ck_run_stages_counts"),
    ],
)
def test_what_cannot_be_is_refused_by_the_database(
    database: Database, lease: Lease, begin: Callable[..., str], statement: str, constraint: str
) -> None:
    begin(lease)
    with pytest.raises(IntegrityError, match=constraint), database.transaction() as session:
        session.execute(text(statement))


def test_a_collection_has_one_version_in_the_making(
    database: Database, lease: Lease, begin: Callable[..., str]
) -> None:
    begin(lease)
    begin(lease)
    again = (
        "INSERT INTO index_versions SELECT gen_random_uuid(), collection_id, run_id, number + 1, state, '', '', 1, "
        "'{}', now() FROM index_versions"
    )
    with pytest.raises(IntegrityError, match="uq_index_versions_one_in_the_making"), database.transaction() as session:
        session.execute(text(again))


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
