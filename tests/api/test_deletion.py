"""What is deleted is gone everywhere: every table, every partition, every file. What is not, is untouched."""

import os
from dataclasses import dataclass

import httpx
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from tests.api.conftest import Unattended
from tests.api.installation import Caller, Installation, wait_for
from tests.api.test_control import LETTERS, PEAR, build
from tests.standin import StandIn
from tests.standin.settings import Fault

# what was paid for belongs to no collection; and what is under way expires by itself
SHARED = frozenset({"answers", "questions_in_flight"})
TABLES = text(
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') ORDER BY 1"
)


@dataclass(frozen=True)
class Everything:
    """The rows of all tables, as hashes; a partition is a table too. And the files of the home folder."""

    tables: dict[str, str | None]
    files: list[str]


def look_everywhere(installation: Installation) -> Everything:
    engine = create_engine(installation.environment["DATABASE_URL"], poolclass=NullPool)
    with engine.connect() as connection:
        names = [name for name in connection.execute(TABLES).scalars() if name not in SHARED]
        rows = "SELECT md5(string_agg(row::text, '|' ORDER BY row::text)) FROM {} AS row"
        tables = {name: connection.execute(text(rows.format(name))).scalar() for name in names}
    engine.dispose()
    files = [path.relative_to(installation.home) for path in installation.home.rglob("*") if path.is_file()]
    return Everything(tables, sorted(str(path) for path in files if path.parts[0] != "db"))


def fill(service: Caller, collection: str, server: StandIn) -> None:
    """Two versions, gaps, and a question."""
    build(service, collection)
    server.configure(faults=[Fault("context_length", purpose="report", match="ERNA SOLLID")])
    build(service, collection, "succeeded_with_gaps", fresh_from="report")
    server.configure(faults=[])
    service.ok("POST", f"/graphrag/{collection}/query", json={"question": "Who wrote to whom?"})


@pytest.fixture
def at_rest(attended: Installation, indexed: str) -> Installation:
    """The installation, with a collection that is to stay, and no file on its way."""
    assert indexed
    wait_for(lambda: not list((attended.home / "spool").glob("*")), "the end of uploaded files")
    return attended


def test_a_deleted_collection_leaves_nothing_behind_and_touches_nothing_else(
    at_rest: Installation, service: Caller, fresh_name: str, model_server_process: StandIn
) -> None:
    before = look_everywhere(at_rest)
    service.collection(fresh_name)
    files = (LETTERS, PEAR, ("broken.pdf", b"no pdf"))
    service.wait(service.upload(fresh_name, *files)["task_id"], "succeeded_with_gaps")
    own = {"text": "Is anything missing? Y or N."}
    service.ok("PUT", f"/collections/{fresh_name}/prompts/extract_graph_loop.txt", json=own)
    fill(service, fresh_name, model_server_process)
    during = look_everywhere(at_rest)
    changed = {name for name in during.tables if during.tables[name] != before.tables.get(name)}
    assert changed > {"collections", "documents", "pages", "runs", "run_stages", "run_events", "gaps", "index_versions"}
    assert len(during.tables) >= len(before.tables) + 2, "two partitions"

    service.ok("DELETE", f"/collections/{fresh_name}")
    assert look_everywhere(at_rest) == before


def test_a_deleted_index_leaves_the_documents_and_nothing_else(
    at_rest: Installation, service: Caller, fresh_name: str, model_server_process: StandIn
) -> None:
    service.collection(fresh_name)
    service.wait(service.upload(fresh_name, LETTERS, PEAR)["task_id"])
    before = look_everywhere(at_rest)
    fill(service, fresh_name, model_server_process)
    assert service.ok("DELETE", f"/graphrag/{fresh_name}/index") == {"versions": 2}
    assert look_everywhere(at_rest) == before


def test_a_start_clears_what_crashes_have_left_behind_and_not_what_is_waited_for(
    unattended: Unattended, queueing: Caller, fresh_name: str
) -> None:
    queueing.collection(fresh_name)
    queueing.ok("POST", f"/tasks/{queueing.upload(fresh_name, PEAR)['task_id']}/pause")
    spool = unattended.home / "spool"
    (awaited,) = spool.glob("*")
    lost = spool / "0b9c8f0e.part"
    lost.mkdir()
    for folder in (awaited, lost):
        os.utime(folder, (0, 0))
    with unattended.api() as url:
        wait_for(lambda: not lost.exists(), "the end of what was left behind")
        assert httpx.get(f"{url}/healthz").status_code == 200  # it has started, and is done with clearing
        assert list(spool.glob("*")) == [awaited]
    queueing.ok("DELETE", f"/collections/{fresh_name}")
    assert list(spool.glob("*")) == []


def test_files_of_an_upload_that_nobody_has_read_go_with_their_collection(
    unattended: Unattended, queueing: Caller, fresh_name: str
) -> None:
    before = look_everywhere(unattended)
    queueing.collection(fresh_name)
    for task in [queueing.upload(fresh_name, PEAR)["task_id"] for _ in range(2)][:1]:
        queueing.ok("POST", f"/tasks/{task}/pause")
    assert len(list((unattended.home / "spool").glob("*"))) == 2
    queueing.ok("DELETE", f"/graphrag/{fresh_name}/index")
    assert len(list((unattended.home / "spool").glob("*"))) == 2, "an index is not what it was put in for"
    assert [task["kind"] for task in queueing.pages("/tasks", 10, collection=fresh_name)] == ["documents"] * 2
    queueing.ok("DELETE", f"/collections/{fresh_name}")
    assert look_everywhere(unattended) == before
