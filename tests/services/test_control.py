"""What a person does with a task reaches the one who works on it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fileintel.fanout.stop_requests import Paused
from fileintel.runs import execute, submission
from fileintel.runs.add_documents import Addition, add_documents
from fileintel.workspace import Workspace
from tests import doing


def test_an_upload_at_work_rests_after_the_file_that_is_being_read(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "upload"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.md").write_text(f"# {number}")

    def paused_meanwhile(*given: Any, **more: Any) -> Iterator[Addition]:
        for number, one in enumerate(add_documents(*given, **more)):
            if number == 1:
                doing.pause_run(workspace, task)
            yield one

    doing.create_collection(workspace, "c")
    task = submission.submit_documents(workspace, None, "c", folder).run_id
    with monkeypatch.context() as patched:
        patched.setattr(execute, "add_documents", paused_meanwhile)
        with pytest.raises(Paused):
            execute.process_documents(workspace, task)
    shown = doing.show_run(workspace, task)
    assert (shown["state"], shown["owner"]) == ("paused", None)
    assert doing.show_collection(workspace, "c").documents == 2
    assert folder.exists(), "its files are still needed"
    doing.resume_run(workspace, None, task)
    execute.process_documents(workspace, task)
    assert doing.show_run(workspace, task)["state"] == "succeeded"
    assert doing.show_collection(workspace, "c").documents == 3
    assert not folder.exists()
