"""Homes with names that need care."""

import shutil
from pathlib import Path

import pytest

from fileintel.errors import DatabaseUnavailable
from fileintel.local.postgres import EmbeddedPostgres
from fileintel.local.socket_folder import choose_socket_folder, make_socket_folder
from tests.local.conftest import MakeHome
from tests.local.processes import postmaster, rows, wait_until_stopped


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("x" * 120, id="too long for a socket"),
        pytest.param('it\'s "my" Höhle $HOME & 50% +1 #?\\', id="quotes, spaces and signs"),
        pytest.param("a,b:5", id="separators of host lists"),
    ],
)
def test_any_folder_name_will_do(make_home: MakeHome, template: Path, name: str) -> None:
    home = make_home(name)
    shutil.copytree(template, home / "postgres")
    database = EmbeddedPostgres(home)
    assert rows(database.join(), "SELECT current_database()") == [("fileintel",)]
    database.leave()
    wait_until_stopped(home)
    assert not choose_socket_folder(home).exists()


def test_a_home_reached_over_a_link_has_one_server(database: EmbeddedPostgres, home: Path, make_home: MakeHome) -> None:
    link = make_home("links") / "link"
    link.symlink_to(home)
    url = database.join()
    server = postmaster(home)
    linked = EmbeddedPostgres(link)
    assert linked.join() == url
    assert postmaster(home) == server
    linked.leave()


def test_settings_of_other_postgres_clients_do_not_lead_astray(
    database: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGPORT": "1", "PGHOST": "elsewhere", "PGDATA": "/nowhere", "PGDATABASE": "other"}.items():
        monkeypatch.setenv(name, value)
    assert rows(database.join(), "SELECT current_database()") == [("fileintel",)]


def test_a_folder_that_somebody_else_put_in_the_sockets_place_is_not_used(fresh_home: Path) -> None:
    place = fresh_home / "run"
    place.symlink_to("/tmp")
    with pytest.raises(DatabaseUnavailable, match="in the way"):
        make_socket_folder(place, {0})
