"""What a run holds is free when it is over, without the garbage collector, which leaves old objects alone."""

import gc
import weakref
from typing import Any

import pytest

from fileintel.graphrag import pipeline
from fileintel.runs.index import Indexer
from fileintel.runs.index_request import IndexRequest
from fileintel.workspace import Workspace

from .conftest import COLLECTION


def test_the_stages_of_a_run_do_not_hold_each_other_when_it_is_over(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[weakref.ref[Any]] = []

    class Watched(pipeline._Stages):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            held.extend(map(weakref.ref, (self, self.extract, self.describe, self.embed)))

        def begin_reports(self, *arguments: Any) -> Any:
            made = super().begin_reports(*arguments)
            held.append(weakref.ref(made))
            return made

    monkeypatch.setattr(pipeline, "_Stages", Watched)
    gc.disable()
    try:
        Indexer(workspace).index(IndexRequest(collection=COLLECTION))
        assert len(held) == 5
        assert [alive for reference in held if (alive := reference()) is not None] == []
    finally:
        gc.enable()
