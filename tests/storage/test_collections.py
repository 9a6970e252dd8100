"""Collections are found by their ids and by their names, and never taken for one another."""

import pytest

from fileintel.errors import NotFoundError
from fileintel.storage import collections
from fileintel.storage.engine import Database


def test_a_collection_is_found_by_its_name_and_by_its_id_in_any_spelling(database: Database) -> None:
    with database.transaction() as session:
        made = collections.create(session, "letters")
        for given in ("letters", made.id, made.id.upper(), made.id.replace("-", "")):
            assert collections.find(session, given).name == "letters"
        with pytest.raises(NotFoundError):
            collections.find(session, "Letters")


def test_an_id_leads_to_its_collection_although_another_one_is_named_so(database: Database) -> None:
    """Workers pass ids; databases may hold such names from the time when they were allowed."""
    with database.transaction() as session:
        first = collections.create(session, "letters")
        intruder = collections.create(session, first.id)
        assert (first.name, intruder.name) == ("letters", first.id)
        assert collections.find(session, first.id).name == "letters"
        assert collections.find(session, intruder.id).name == first.id


def test_a_name_that_reads_as_an_id_is_found_where_it_is_none(database: Database) -> None:
    odd = "0b9c8f0e-6c1c-4a3e-9a53-0f7b6f9f2f11"
    with database.transaction() as session:
        assert collections.create(session, odd).name == odd
        assert collections.find(session, odd).name == odd
