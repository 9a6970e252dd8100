"""The folder appears whole or not at all, and nothing of anybody else's is touched."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from fileintel.errors import ExportError
from fileintel.graphrag.export import FILES, export_index, folder
from fileintel.storage import versions
from fileintel.storage.engine import Database
from fileintel.storage.models import IndexVersion
from tests.export.example import example, publish

NOBODY = 65534  # a user without rights

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture(scope="module")
def without_claims(database: Database) -> IndexVersion:
    return publish(database, example("nothing claimed", claims=False))


@contextmanager
def a_disk_of(kibibytes: int, place: Path) -> Iterator[None]:
    """A file system in memory, mounted at `place`."""
    place.mkdir()
    options = f"size={kibibytes}k"
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "none", place], check=False, capture_output=True
    ).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)  # whoever is just looking at it does not matter


def names(place: Path) -> set[str]:
    """What is in a folder."""
    return {path.name for path in place.iterdir()}


def test_missing_parents_are_made(database: Database, version: IndexVersion, tmp_path: Path) -> None:
    export_index(database, version, tmp_path / "a" / "b" / "c")
    assert names(tmp_path / "a" / "b" / "c") == FILES
    assert names(tmp_path / "a" / "b") == {"c"}


def test_the_folder_has_the_usual_rights(database: Database, version: IndexVersion, tmp_path: Path) -> None:
    (tmp_path / "usual").mkdir()
    export_index(database, version, tmp_path / "there")
    assert (tmp_path / "there").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_an_empty_folder_is_filled_and_keeps_its_rights(
    database: Database, version: IndexVersion, tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir(mode=0o750)
    export_index(database, version, tmp_path / "there")
    assert names(tmp_path / "there") == FILES
    assert (tmp_path / "there").stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("exchange", [True, False])
def test_an_earlier_export_is_replaced_whole(
    database: Database,
    version: IndexVersion,
    without_claims: IndexVersion,
    tmp_path: Path,
    exchange: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not exchange:
        monkeypatch.setattr(folder, "_exchange", lambda one, other: False)
    there = tmp_path / "there"
    export_index(database, version, there)
    export_index(database, without_claims, there)
    assert names(there) == FILES - {"covariates.parquet"}
    assert names(tmp_path) == {"there"}


def test_the_folder_that_one_is_in_is_filled_in_place(
    database: Database,
    version: IndexVersion,
    without_claims: IndexVersion,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    export_index(database, version, Path())
    assert names(Path()) == FILES
    export_index(database, without_claims, Path())
    assert names(Path()) == FILES - {"covariates.parquet"}


def test_a_link_stays_and_its_folder_is_replaced(database: Database, version: IndexVersion, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    export_index(database, version, tmp_path / "link")
    assert names(tmp_path / "folder") == FILES
    assert (tmp_path / "link").is_symlink()


def test_a_file_of_somebody_else_is_named_and_nothing_is_touched(
    database: Database, version: IndexVersion, tmp_path: Path
) -> None:
    export_index(database, version, tmp_path / "there")
    (tmp_path / "there" / "notes.txt").write_text("mine")
    before = (tmp_path / "there" / "entities.parquet").stat()
    with pytest.raises(ExportError, match=r"'notes.txt' is there, which no export has written; name a new"):
        export_index(database, version, tmp_path / "there")
    assert (tmp_path / "there" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "there" / "entities.parquet").stat() == before
    assert names(tmp_path) == {"there"}


def test_a_file_that_comes_while_the_export_is_written_is_not_lost(
    database: Database, version: IndexVersion, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    there.mkdir()
    with pytest.raises(ExportError, match=r"'notes.txt' is there"):
        export_index(database, version, there, on_table=lambda *_: (there / "notes.txt").touch())
    assert names(there) == {"notes.txt"}
    assert names(tmp_path) == {"there"}


def test_a_folder_with_the_name_of_one_of_our_files_is_somebody_elses(
    database: Database, version: IndexVersion, tmp_path: Path
) -> None:
    (tmp_path / "entities.parquet").mkdir()
    with pytest.raises(ExportError, match=r"'entities.parquet' is there"):
        export_index(database, version, tmp_path)


def test_a_file_in_place_of_the_folder_is_refused(database: Database, version: IndexVersion, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    with pytest.raises(ExportError, match=r"there: it is a file; name a folder$"):
        export_index(database, version, tmp_path / "there")
    with pytest.raises(ExportError, match=r"cannot export to .*below: "):
        export_index(database, version, tmp_path / "there" / "below")
    assert (tmp_path / "there").read_text() == "mine"


@as_root
def test_without_permission_it_says_where_and_what_to_do(
    database: Database, version: IndexVersion, tmp_path: Path
) -> None:
    os.seteuid(NOBODY)
    try:
        with pytest.raises(ExportError, match=r"there: Permission denied; name a folder that you may write to$"):
            export_index(database, version, Path("/usr/there"))
    finally:
        os.seteuid(0)
    assert not Path("/usr/there").exists()


@as_root
@pytest.mark.parametrize("where", ["", "there"])
def test_a_full_disk_leaves_nothing_behind(
    database: Database, version: IndexVersion, tmp_path: Path, where: str
) -> None:
    with a_disk_of(24, tmp_path / "disk"):
        with pytest.raises(ExportError, match=r"No space left on device; free some space"):
            export_index(database, version, tmp_path / "disk" / where)
        assert names(tmp_path / "disk") == set()


def test_a_limit_on_files_leaves_the_earlier_export(database: Database, version: IndexVersion, tmp_path: Path) -> None:
    there = tmp_path / "there"
    export_index(database, version, there)
    before = {name: (there / name).stat() for name in FILES}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, hard))
    try:
        with pytest.raises(ExportError, match=r"there: File too large; raise the limit") as caught:
            export_index(database, version, there)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(caught.value)
    assert {name: (there / name).stat() for name in FILES} == before
    assert names(tmp_path) == {"there"}


@as_root
def test_a_mount_point_is_filled_in_place(
    database: Database, version: IndexVersion, without_claims: IndexVersion, tmp_path: Path
) -> None:
    with a_disk_of(4096, tmp_path / "disk"):
        export_index(database, version, tmp_path / "disk")
        export_index(database, without_claims, tmp_path / "disk")
        assert names(tmp_path / "disk") == FILES - {"covariates.parquet"}
        assert pq.read_table(tmp_path / "disk" / "entities.parquet").num_rows


def test_an_export_that_is_interrupted_leaves_nothing_behind(
    database: Database, version: IndexVersion, tmp_path: Path
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_index(database, version, tmp_path / "there", on_table=interrupt)
    assert names(tmp_path) == set()


def test_a_version_that_is_removed_meanwhile_is_not_exported_in_part(database: Database, tmp_path: Path) -> None:
    version = publish(database, example("removed"))

    def remove(*_: object) -> None:
        with database.transaction() as session:
            versions.drop(session, version.id)

    with pytest.raises(ExportError, match="index version 1 was removed while it was exported"):
        export_index(database, version, tmp_path / "there", on_table=remove)
    assert names(tmp_path) == set()
