"""Taking over an index over HTTP: uploaded tables, read by a worker."""

import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.api.conftest import Unattended
from tests.api.installation import KEY, Caller, Installation, problem

Tables = dict[str, bytes]


@pytest.fixture(scope="module")
def tables(attended: Installation, indexed: str) -> Tables:
    """The tables of an index, as its export has them."""
    with attended.client() as client:
        export = client.get(f"/api/v2/graphrag/{indexed}/export").content
    with zipfile.ZipFile(io.BytesIO(export)) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name.endswith(".parquet")}


def parts(tables: Tables) -> list[tuple[str, tuple[str, bytes]]]:
    return [("files", (name, content)) for name, content in tables.items()]


def counts(caller: Caller, collection: str) -> dict[str, int]:
    found: dict[str, int] = caller.ok("GET", f"/graphrag/{collection}/status")["counts"]
    return found


def test_uploaded_tables_become_an_index_that_can_be_asked(
    attended: Installation, service: Caller, indexed: str, fresh_name: str, tables: Tables
) -> None:
    key = {"Idempotency-Key": fresh_name}
    path = f"/graphrag/{fresh_name}/import"
    taken = service.ok("POST", path, 202, files=parts(tables), headers=key)
    task = service.wait(taken["task_id"])
    assert service.ok("POST", path, 202, files=parts(tables), headers=key)["task_id"] == taken["task_id"]
    assert task["result"]["counts"] == counts(service, indexed)
    assert task["result"]["version"] == 1
    answer = service.ok("POST", f"/graphrag/{fresh_name}/query", json={"question": "Who is Erna Sollid?"})
    assert answer["citations"]
    assert not [path for path in (attended.home / "spool").rglob("*") if path.suffix == ".parquet"]


def test_the_command_sends_a_folder_of_its_own_machine(
    attended: Installation, service: Caller, indexed: str, fresh_name: str, tables: Tables, tmp_path: Path
) -> None:
    def run(folder: Path) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "fileintel", "graphrag", "import", fresh_name, str(folder), "--no-embed"]
        there = {"FILEINTEL_API_URL": attended.url, "FILEINTEL_API_KEY": KEY, "FILEINTEL_HOME": str(tmp_path / "home")}
        return subprocess.run(command, env=there, capture_output=True, text=True, timeout=120, check=False)

    nothing = run(tmp_path)
    assert nothing.returncode == 1
    assert "holds no index of graphrag" in nothing.stderr
    for name, content in tables.items():
        (tmp_path / name).write_bytes(content)
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"collection {fresh_name}: imported as index version 1" in done.stdout
    assert counts(service, fresh_name) == counts(service, indexed)

    pq.write_table(pq.read_table(tmp_path / "entities.parquet").slice(0, 0), tmp_path / "entities.parquet")
    failed = run(tmp_path)
    assert failed.returncode == 1
    assert len(failed.stderr.splitlines()) == 1
    assert "the index in the upload is empty" in failed.stderr
    assert counts(service, fresh_name) == counts(service, indexed)


def _without(tables: Tables) -> Tables:
    return {name: content for name, content in tables.items() if name != "text_units.parquet"}


def _cut(tables: Tables) -> Tables:
    return tables | {"entities.parquet": tables["entities.parquet"][:-20]}


def _strange(tables: Tables) -> Tables:
    return tables | {"relationships.parquet": tables["entities.parquet"]}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_without, "text_units.parquet is missing"),
        (_cut, "entities.parquet cannot be read as a parquet file"),
        (_strange, "relationships.parquet is no table of graphrag's relationships: the column 'source' is missing"),
    ],
)
def test_what_is_no_whole_index_is_refused_before_anything_is_queued(
    queueing: Caller,
    unattended: Unattended,
    fresh_name: str,
    tables: Tables,
    spoil: Callable[[Tables], Tables],
    says: str,
) -> None:
    before = unattended.spooled
    told = queueing.problem("POST", f"/graphrag/{fresh_name}/import", 422, "index_folder", files=parts(spoil(tables)))
    assert says in told["detail"]
    assert "spool" not in told["detail"]
    queueing.problem("GET", f"/collections/{fresh_name}", 404, "not_found")
    assert unattended.spooled == before


def test_other_files_two_of_one_name_and_bodies_that_are_no_upload_are_refused(
    queueing: Caller, unattended: Unattended, fresh_name: str, tables: Tables
) -> None:
    before, path = unattended.spooled, f"/graphrag/{fresh_name}/import"
    queueing.problem("POST", path, 422, "validation", files=[("files", ("settings.yaml", b"a: 1"))])
    queueing.problem("POST", path, 422, "validation", files=[*parts(tables), ("files", ("entities.parquet", b"1"))])
    queueing.problem("POST", path, 415, "unsupported_media_type", json={})
    response = queueing.http.post(f"/api/v2{path}", content=b"", headers={"X-API-Key": "wrong"})
    problem(response, 401, "unauthorized")
    assert unattended.spooled == before
