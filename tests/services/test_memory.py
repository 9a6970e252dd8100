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

    class Watched(pipeline.Build):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            held.extend(map(weakref.ref, (self, *(self.stages[name] for name in ("extract", "describe", "embed")))))

        def free_in_slices(self) -> None:
            held.append(weakref.ref(self.stages["report"]))
            super().free_in_slices()

    monkeypatch.setattr(pipeline, "Build", Watched)
    gc.disable()
    try:
        Indexer(workspace).index(IndexRequest(collection=COLLECTION))
        assert len(held) == 5
        assert [alive for reference in held if (alive := reference()) is not None] == []
    finally:
        gc.enable()
