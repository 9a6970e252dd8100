"""The index is rolled back, dropped or deleted while a question is answered: the answer is whole, or there is none."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fileintel.errors import IndexGone, NoIndexError, NotFoundError
from fileintel.services import documents
from fileintel.services.versions import RolledBack, roll_back_index
from fileintel.storage import versions as stored
from fileintel.workspace import Workspace
from tests import doing
from tests.doing import do
from tests.query.town import COLLECTION, Meanwhile, Place, add, ask, build, opened
from tests.standin import StandIn

# the modes, with a question of each that the model is asked in the midst of its work
HELD = {
    "local": "local_answer",
    "basic": "passage_answer",
    "global": "global_map",
    "drift": "drift_primer",
}


@pytest.fixture
def workspace(place: Place) -> Iterator[Workspace]:
    """A collection with two versions of its index: the first knows of two documents, the second of three."""
    with opened(place) as workspace:
        doing.create_collection(workspace, COLLECTION)
        add(workspace, 0, 2)
        build(workspace)
        add(workspace, 2, 1)
        build(workspace)
        yield workspace


def roll_back(workspace: Workspace, version: int | None = None) -> RolledBack:
    found: RolledBack = do(workspace, roll_back_index, collection=COLLECTION, version=version)
    return found


def asked_while(
    workspace: Workspace, model_server: StandIn, mode: str, meanwhile: Callable[[], object]
) -> dict[str, Any]:
    """The reply to a question, in the midst of which something happened."""
    purpose = HELD[mode]
    before = model_server.counts().asked[purpose]
    model_server.gather(1_000, purpose)
    asked = Meanwhile(ask, workspace, f"Who drew the sluice, and why ({mode}, {before})?", mode=mode)
    model_server.wait_until(lambda stats: stats.asked[purpose] > before)
    meanwhile()
    model_server.resume()
    found: dict[str, Any] = asked.result()
    return found


def expect_whole(workspace: Workspace, reply: dict[str, Any], number: int) -> None:
    """Whether an answer is of that version, and all that it cites is in its documents."""
    assert reply["version"] == number
    assert reply["citations"]
    for one in reply["citations"]:
        text = "".join(documents.document_text(workspace, one["document_id"]))
        assert text[one["start"] : one["end"]] == one["quote"]
        assert number >= 2 or one["document"] in ("0.txt", "1.txt")


def test_a_question_during_a_rebuild_is_answered_from_the_version_it_began_with(
    workspace: Workspace, model_server: StandIn
) -> None:
    for number, mode in enumerate(HELD, start=2):
        reply = asked_while(workspace, model_server, mode, lambda: build(workspace, force=True))
        expect_whole(workspace, reply, number)
        expect_whole(workspace, ask(workspace, f"Who drew it ({mode})?", mode=mode), number + 1)


@pytest.mark.parametrize("mode", HELD)
def test_a_question_whose_version_a_rebuild_does_not_keep_is_answered_from_the_new_one(
    place: Place, workspace: Workspace, model_server: StandIn, mode: str
) -> None:
    def rebuild_and_keep_nothing() -> None:
        with opened(place, graphrag__keep_versions=1) as other:
            build(other, force=True)

    expect_whole(workspace, asked_while(workspace, model_server, mode, rebuild_and_keep_nothing), 3)


def test_a_question_during_a_rollback_is_answered_from_the_version_it_began_with(
    workspace: Workspace, model_server: StandIn
) -> None:
    for mode in HELD:
        reply = asked_while(workspace, model_server, mode, lambda: roll_back(workspace))
        expect_whole(workspace, reply, 2)
        reply = asked_while(workspace, model_server, mode, lambda: roll_back(workspace, version=2))
        expect_whole(workspace, reply, 1)
        expect_whole(workspace, ask(workspace, f"Who drew it ({mode})?", mode=mode), 2)


@pytest.mark.parametrize("mode", HELD)
def test_a_question_whose_version_is_rolled_back_and_dropped_is_answered_from_the_other_one(
    workspace: Workspace, model_server: StandIn, mode: str
) -> None:
    def roll_back_and_drop() -> None:
        was = roll_back(workspace).before
        with workspace.database.transaction() as session:
            stored.drop(session, was.id)

    expect_whole(workspace, asked_while(workspace, model_server, mode, roll_back_and_drop), 1)


@pytest.mark.parametrize("mode", HELD)
def test_a_question_whose_index_or_collection_is_deleted_gets_a_clear_error(
    workspace: Workspace, model_server: StandIn, mode: str
) -> None:
    with pytest.raises((NoIndexError, IndexGone), match=r"has no index yet|deleted"):
        asked_while(workspace, model_server, mode, lambda: doing.delete_index(workspace, COLLECTION))
    build(workspace)
    with pytest.raises((NotFoundError, IndexGone), match=r"there is no collection|deleted"):
        asked_while(workspace, model_server, mode, lambda: doing.delete_collection(workspace, COLLECTION))
