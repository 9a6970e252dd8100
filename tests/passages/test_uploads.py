"""Uploaded files: read, cut, and followed by what the settings want, as a worker does it."""

import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from fileintel.errors import RunCancelled, ServiceUnavailable
from fileintel.runs import execute, housekeeping, processing, run_context, submission
from fileintel.runs.active_run import ActiveRunError
from fileintel.runs.housekeeping import PIECES_KEPT_SECONDS
from fileintel.runs.processing import Order
from fileintel.runs.spool import STALE_SECONDS, spool_of
from fileintel.services.runs import events_after
from fileintel.storage import collections, run_events, runs, versions
from fileintel.storage.models import DocumentTextUnit, Run, utc_now
from fileintel.storage.states import RunKind, RunState
from fileintel.workspace import Workspace
from tests import doing
from tests.conftest import SAMPLES

from .conftest import COLLECTION, DOCUMENTS, Opener
from .working import EMBED, METADATA, done, passages, stage, submitted, vectors


class Sent:
    """A dispatcher that writes down what it is given."""

    def __init__(self, away: bool = False) -> None:
        self.kinds: list[str] = []
        self._away = away

    def send(self, run: Run) -> None:
        if self._away:
            raise ServiceUnavailable("the message broker does not answer")
        self.kinds.append(run.kind)


@pytest.fixture
def folder(home: Path) -> Path:
    """Uploaded files, and one that cannot be read."""
    folder = home / "spool" / "upload"
    folder.mkdir(parents=True)
    for name in DOCUMENTS:
        shutil.copy(SAMPLES / name, folder)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    return folder


def read(workspace: Workspace, folder: Path, dispatcher: Sent) -> Any:
    """An upload, taken in and read."""
    doing.create_collection(workspace, COLLECTION)
    run_id = submission.submit_documents(workspace, None, COLLECTION, folder).run_id
    execute.process_documents(workspace, run_id, dispatcher)
    return doing.show_run(workspace, run_id)


def test_uploads_are_read_and_cut_and_nothing_that_costs_is_asked_for(opened: Opener, folder: Path) -> None:
    workspace, sent = opened(), Sent()
    run = read(workspace, folder, sent)
    assert run["state"] == "succeeded_with_gaps"
    assert {one["name"] for one in run["result"]["documents"]} == set(DOCUMENTS)
    assert run["result"]["tasks"] == {}
    read_stage = stage(run, "read")
    assert (read_stage["done"], read_stage["total"], read_stage["failed"]) == (4, 4, 1)
    assert passages(workspace)
    assert sent.kinds == []
    assert not folder.exists()


def test_what_the_settings_want_is_queued_behind_an_upload(opened: Opener, folder: Path) -> None:
    workspace, sent = opened(documents__embed_on_upload=True, documents__extract_metadata=True), Sent()
    made = read(workspace, folder, sent)["result"]["tasks"]
    assert set(made) == {"embedding", "metadata"}
    assert sent.kinds == ["embedding", "metadata"]
    assert {doing.show_run(workspace, made[kind])["state"] for kind in made} == {"queued"}
    assert submitted(workspace, EMBED) == made["embedding"]
    assert submitted(workspace, METADATA) == made["metadata"]


def test_without_a_broker_it_stays_queued_for_the_next_look_out(opened: Opener, folder: Path) -> None:
    workspace = opened(documents__embed_on_upload=True)
    made = read(workspace, folder, Sent(away=True))["result"]["tasks"]
    assert doing.show_run(workspace, made["embedding"])["state"] == "queued"


def test_an_upload_that_is_cancelled_keeps_what_was_read(
    opened: Opener, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = opened()
    doing.create_collection(workspace, COLLECTION)
    run_id = submission.submit_documents(workspace, None, COLLECTION, folder).run_id
    reading = execute.add_documents

    def read_and_cancel(*arguments: Any, **options: Any) -> Any:
        for one in reading(*arguments, **options):
            if doing.show_run(workspace, run_id)["state"] == "running":
                doing.cancel_run(workspace, run_id)
            yield one

    monkeypatch.setattr(execute, "add_documents", read_and_cancel)
    with pytest.raises(RunCancelled):
        execute.process_documents(workspace, run_id)
    assert doing.show_run(workspace, run_id)["state"] == "cancelled"
    assert len(doing.list_documents(workspace, COLLECTION)) <= 1
    assert not folder.exists()


def test_processing_without_a_wish_only_cuts(workspace: Workspace, opened: Opener) -> None:
    coarser, before = opened(chunking__size=400), len(passages(workspace))
    (one,) = processing.submit(coarser, None, COLLECTION, Order())
    execute.process_documents(coarser, one.submitted.run_id)
    run = doing.show_run(coarser, one.submitted.run_id)
    assert (run["kind"], run["state"], run["result"]) == ("documents", "succeeded", {"documents_cut": 3})
    assert len(passages(workspace)) < before


def test_a_key_stands_for_one_request_with_all_its_runs(workspace: Workspace) -> None:
    both = Order(embed=True, metadata=True)
    first = processing.submit(workspace, None, COLLECTION, both, idempotency_key="k")
    assert [(one.kind.value, one.submitted.is_new) for one in first] == [("embedding", True), ("metadata", True)]
    for one in first:
        doing.cancel_run(workspace, one.submitted.run_id)
    again = processing.submit(workspace, None, COLLECTION, both, idempotency_key="k")
    assert [one.submitted.run_id for one in again] == [one.submitted.run_id for one in first]
    assert not any(one.submitted.is_new for one in again)


def test_a_broker_that_is_away_leaves_no_run_behind(workspace: Workspace) -> None:
    with pytest.raises(ServiceUnavailable):
        processing.submit(workspace, Sent(away=True), COLLECTION, EMBED)
    assert doing.list_runs(workspace) == []


def test_a_collection_is_not_deleted_under_the_hands_of_a_run(workspace: Workspace) -> None:
    held = run_context.take(workspace, submitted(workspace, EMBED))
    assert held is not None
    with workspace.database.transaction() as session:
        session.get_one(Run, held.run.id).owner = "another machine"
    with pytest.raises(ActiveRunError):
        doing.delete_collection(workspace, COLLECTION)


def test_housekeeping_removes_what_was_left_behind_and_only_that(workspace: Workspace) -> None:
    done(workspace, EMBED)
    kept = passages(workspace)[1:]
    with workspace.database.transaction() as session:
        session.execute(delete(DocumentTextUnit).where(DocumentTextUnit.id == passages(workspace)[0].id))
    spool = spool_of(workspace.settings)
    for name, age in (("old", STALE_SECONDS + 60), ("new", 60)):
        (spool / name).mkdir(parents=True)
        moment = utc_now().timestamp() - age
        os.utime(spool / name, (moment, moment))
    with workspace.database.transaction() as session:
        collection = collections.find(session, COLLECTION)
        run = runs.create(session, collection.id)
        lease = runs.acquire(session, run.id, "a worker that dies while it writes")
        assert lease is not None
        versions.begin(session, lease, collection.id, fingerprint="", embedding_model="m", embedding_size=3)
        runs.finish(session, lease, RunState.CANCELLED)
    for age in (PIECES_KEPT_SECONDS + 60, 60):  # answers that were told in pieces
        with workspace.database.transaction() as session:
            answered = runs.create(session, collection.id, RunKind.QUESTION)
            run_events.note(session, answered.id, "text", {"text": "Erna"})
            answered.state, answered.finished_at = RunState.SUCCEEDED.value, utc_now() - timedelta(seconds=age)
    removed = {"uploads_deleted": 1, "versions_deleted": 1, "vectors_deleted": 1, "pieces_deleted": 1}
    assert housekeeping.clean_up(workspace, Sent()) == {"runs_sent_again": 0, **removed}
    assert [path.name for path in spool.iterdir()] == ["new"]
    assert [event.kind for event in events_after(workspace, answered.id)] == ["state", "text"]
    assert vectors(workspace) == {"standin": len(kept)}
