"""Statements that are made ready once."""

import pytest
from sqlalchemy.exc import ProgrammingError

from fileintel.errors import DatabaseUnavailable
from fileintel.storage.engine import Database
from fileintel.storage.fixed_sql import Statement


def test_values_go_where_their_names_stand_and_nowhere_else(database: Database) -> None:
    given = {"a": 17, "b_2": "%s :a \\ '", "c": [b"\x00\xff"], "unused": 1}
    statement = Statement("SELECT :a::int % 7, :b_2, CAST(:c AS bytea[]), 'x:a', :a")
    with database.transaction() as session:
        number, words, listed, other, again = statement.execute(session, given).one()
    assert (number, words, [bytes(one) for one in listed]) == (3, given["b_2"], given["c"])
    assert (other, again) == ("x:a", 17)


def test_what_goes_wrong_is_told_as_for_all_statements(database: Database) -> None:
    with pytest.raises(ProgrammingError), database.transaction() as session:
        Statement("SELECT nonsense").execute(session, {})
    with pytest.raises(DatabaseUnavailable), database.transaction() as session:
        Statement("SELECT pg_terminate_backend(pg_backend_pid())").execute(session, {})
    database.check()
