"""Vectors of passages: all of them, each paid for once, whatever comes in between."""

import hashlib

import pytest

from fileintel.errors import EmptyCollectionError
from fileintel.runs.active_run import ActiveRunError
from fileintel.runs.add_documents import add_documents
from fileintel.runs.index import Indexer, IndexRequest
from fileintel.workspace import Workspace
from tests import doing
from tests.conftest import SAMPLES
from tests.standin import StandIn
from tests.standin.settings import Fault

from .conftest import COLLECTION, Opener
from .working import EMBED, InBackground, done, passages, perform, stage, submitted, vectors


def test_every_passage_gets_a_vector_and_a_second_run_asks_nothing(workspace: Workspace, model_server: StandIn) -> None:
    run = done(workspace, EMBED)
    total = len(passages(workspace))
    assert run["state"] == "succeeded"
    assert run["result"] == {"passages": total, "with_vector": total, "embedding_model": "standin"}
    assert (stage(run, "embed")["done"], stage(run, "embed")["total"]) == (total, total)
    assert vectors(workspace) == {"standin": total}
    asked = model_server.stats().asked
    again = done(workspace, EMBED)
    assert again["state"] == "succeeded"
    assert again["id"] != run["id"]
    assert model_server.stats().asked == asked


def test_an_index_takes_the_vectors_of_its_text_units_from_there(workspace: Workspace, model_server: StandIn) -> None:
    done(workspace, EMBED)
    texts = {hashlib.sha256(one.text.encode()).hexdigest() for one in passages(workspace)}
    assert texts <= set(model_server.stats().inputs)
    model_server.reset()
    Indexer(workspace).index(IndexRequest(collection=COLLECTION))
    inputs = model_server.stats().inputs
    assert inputs  # entities and reports
    assert not texts & set(inputs)


def test_and_the_other_way_round(workspace: Workspace, model_server: StandIn) -> None:
    Indexer(workspace).index(IndexRequest(collection=COLLECTION))
    model_server.reset()
    run = done(workspace, EMBED)
    assert run["result"]["with_vector"] == len(passages(workspace))
    assert model_server.stats().asked == {}
    assert stage(run, "embed")["cached"] == len(passages(workspace))


def test_a_run_that_has_to_stop_is_queued_again_and_goes_on_where_it_was(
    workspace: Workspace, opened: Opener, model_server: StandIn
) -> None:
    small = opened(embedding__batch_size=4, embedding__concurrency=1)
    run_id = submitted(small, EMBED)
    model_server.pause(after=3, purpose="embeddings")
    stopped = perform(small, run_id, EMBED, stopping=lambda: resumed_after(model_server, 4))
    assert stopped["state"] == "queued"
    assert 0 < model_server.stats().answered["embeddings"] < len(passages(workspace)) / 4
    finished = perform(small, run_id, EMBED)
    assert (finished["state"], finished["attempts"]) == ("succeeded", 2)
    assert vectors(workspace) == {"standin": len(passages(workspace))}
    assert model_server.stats().repeated == 0


def resumed_after(model_server: StandIn, asked: int) -> bool:
    """Whether so many requests have come; lets the held ones go then."""
    enough = model_server.counts().asked["embeddings"] >= asked
    if enough:
        model_server.resume()
    return enough


def test_a_cancelled_run_ends_as_such_and_the_next_one_pays_only_for_the_rest(
    workspace: Workspace, opened: Opener, model_server: StandIn
) -> None:
    small = opened(embedding__batch_size=4, embedding__concurrency=1)
    model_server.pause(after=3, purpose="embeddings")
    run = InBackground(small, EMBED)
    model_server.wait_until(lambda stats: stats.asked["embeddings"] >= 4)
    assert doing.cancel_run(small, run.run_id)["id"] == run.run_id
    with pytest.raises(ActiveRunError):
        submitted(small, EMBED)
    model_server.resume()
    assert run.ended()["state"] == "cancelled"
    assert done(small, EMBED)["state"] == "succeeded"
    assert vectors(workspace) == {"standin": len(passages(workspace))}
    assert model_server.stats().repeated == 0


def test_documents_that_come_in_meanwhile_are_taken_along_by_the_run_at_work(
    workspace: Workspace, opened: Opener, model_server: StandIn
) -> None:
    model_server.pause(after=1, purpose="embeddings")
    run = InBackground(workspace, EMBED)
    model_server.wait_until(lambda stats: stats.asked["embeddings"] >= 2)
    other = opened()
    list(add_documents(other, COLLECTION, [str(SAMPLES / "halvane-feldkirch-letters.txt")]))
    assert submitted(other, EMBED) == run.run_id
    model_server.resume()
    assert run.ended()["state"] == "succeeded"
    assert len(passages(workspace)) == vectors(workspace)["standin"]
    assert submitted(other, EMBED) != run.run_id


def test_a_text_that_the_server_refuses_is_a_gap_and_is_asked_for_again(
    workspace: Workspace, model_server: StandIn
) -> None:
    refused = passages(workspace)[3]
    model_server.configure(faults=[Fault("context_length", match=refused.text)])
    run = done(workspace, EMBED)
    assert run["state"] == "succeeded_with_gaps"
    assert run["result"]["with_vector"] == run["result"]["passages"] - 1
    assert stage(run, "embed")["failed"] == 1
    model_server.configure(faults=[])
    model_server.reset()
    assert done(workspace, EMBED)["state"] == "succeeded"
    assert len(model_server.stats().inputs) == 1
    assert vectors(workspace) == {"standin": len(passages(workspace))}


def test_a_run_fails_when_most_of_it_does_and_keeps_what_the_rest_brought(
    workspace: Workspace, model_server: StandIn
) -> None:
    model_server.configure(faults=[Fault("context_length", match=" the ")])
    run = done(workspace, EMBED)
    assert run["state"] == "failed"
    assert "max_gap_share" in run["error"]
    assert stage(run, "embed")["failed"] > len(passages(workspace)) / 2


def test_without_a_model_server_the_run_fails_with_one_line_that_says_so(opened: Opener, workspace: Workspace) -> None:
    del workspace
    away = opened(embedding__base_url="http://127.0.0.1:9/v1", llm__patience=0.0)
    run = done(away, EMBED)
    assert run["state"] == "failed"
    assert "127.0.0.1:9" in run["error"]
    assert run["result"] == {"code": "model_server_unavailable", "http_status": 503}


def test_another_model_gets_vectors_of_its_own_and_then_the_old_ones_go(
    workspace: Workspace, opened: Opener, model_server: StandIn
) -> None:
    model_server.configure(models=("standin", "another"))
    done(workspace, EMBED)
    total = len(passages(workspace))
    other = opened(embedding__model="another")
    run_id = submitted(other, EMBED)
    assert vectors(workspace) == {"standin": total}
    assert perform(other, run_id, EMBED)["state"] == "succeeded"
    assert vectors(workspace) == {"another": total}


def test_settings_for_chunks_that_have_changed_lead_to_new_passages_and_their_vectors(
    workspace: Workspace, opened: Opener
) -> None:
    done(workspace, EMBED)
    before = len(passages(workspace))
    run = done(opened(chunking__size=400), EMBED)
    after = len(passages(workspace))
    assert stage(run, "cut")["done"] == 3
    assert 0 < after < before
    assert vectors(workspace) == {"standin": after}


def test_only_the_embedding_server_is_needed(opened: Opener, workspace: Workspace, model_server: StandIn) -> None:
    del workspace
    lonely = opened(llm__base_url="http://127.0.0.1:9/v1", embedding__base_url=model_server.base_url)
    assert done(lonely, EMBED)["state"] == "succeeded"


def test_an_empty_collection_is_told_so(opened: Opener) -> None:
    workspace = opened()
    doing.create_collection(workspace, COLLECTION)
    with pytest.raises(EmptyCollectionError, match="is empty: add documents"):
        submitted(workspace, EMBED)
