"""Questions over HTTP: streams, the OpenAI protocol, many at once, and what happens to the index meanwhile."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import Any

import httpx
import openai
import pytest

from tests.api.installation import KEY, READY, Caller, Installation, wait_for
from tests.standin import StandIn
from tests.standin.settings import Canned

QUESTION = "Where did Erna Sollid work?"
PATIENCE_SECONDS = 600  # all hundred are there together, and a busy machine takes a minute for that
TOGETHER = 50  # graphrag.concurrency: calls of the model that a process has under way at most


def events(response: httpx.Response) -> Iterator[tuple[str, Any]]:
    kind = ""
    for line in response.iter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)


def streamed(service: Caller, collection: str, **body: Any) -> list[tuple[str, Any]]:
    path = f"/api/v2/graphrag/{collection}/query"
    with service.http.stream("POST", path, json={"stream": True, **body}) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        return list(events(response))


def chat_client(installation: Installation) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{installation.url}/v1", api_key=KEY, max_retries=0)


def test_a_streamed_answer_is_the_checked_answer(service: Caller, indexed: str, model_server_process: StandIn) -> None:
    said = "She worked at the sluice [S0, S777]. " * 30
    model_server_process.configure(canned=[Canned(said, purpose="local_answer")])
    heard = streamed(service, indexed, question=QUESTION)
    kinds = [kind for kind, _ in heard]
    assert kinds[0] == "task"
    assert kinds[-1] == "answer"
    assert set(kinds[1:-1]) == {"text"}
    answer = heard[-1][1]
    assert "".join(data["text"] for kind, data in heard if kind == "text") == answer["answer"]
    assert answer["unknown_citations"] == 30
    assert "777" not in answer["answer"]
    assert {citation["id"] for citation in answer["citations"]} == {"S0"}


def test_a_stream_ends_with_the_problem_there_was(service: Caller, indexed: str, model_server_process: StandIn) -> None:
    model_server_process.configure(canned=[Canned("no list at all [S0].\n\nTwo.", purpose="local_answer")])
    heard = streamed(service, indexed, question="What else did she do?", format="list")
    assert heard[-1][0] == "problem"
    assert (heard[-1][1]["status"], heard[-1][1]["code"]) == (502, "no_usable_answer")
    assert "restart" in [kind for kind, _ in heard]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"question": " "}, 422, "usage"),
        ({"question": "Who?", "mode": "magic"}, 422, "unknown_mode"),
        ({"question": "Who?", "format": "poem"}, 422, "usage"),
        ({"question": "Who?", "json_schema": {"type": "nothing"}, "format": "json"}, 422, "usage"),
        ({"question": "Who?", "history": [{"role": "system", "content": "x"}]}, 422, "validation"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_sent(
    service: Caller, indexed: str, body: dict[str, Any], status: int, code: str
) -> None:
    service.problem("POST", f"/graphrag/{indexed}/query", status, code, json=body)
    service.problem("POST", f"/graphrag/{indexed}/query", status, code, json={**body, "stream": True})


def test_collections_are_models_of_an_openai_server(
    service: Caller, attended: Installation, indexed: str, model_server_process: StandIn
) -> None:
    service.collection("without-an-index")
    client = chat_client(attended)
    assert indexed in [model.id for model in client.models.list()]
    assert "without-an-index" not in [model.id for model in client.models.list()]
    assert client.models.retrieve(indexed).id == indexed
    model_server_process.configure(canned=[Canned("At the sluice [S0, S999].", match=f"Question: {QUESTION}")])
    talk: list[Any] = [
        {"role": "system", "content": "You are a pirate."},
        {"role": "user", "content": "Who is Erna Sollid?"},
        {"role": "assistant", "content": "Somebody [S3]."},
        {"role": "user", "content": [{"type": "text", "text": QUESTION}]},
    ]
    whole = client.chat.completions.create(model=indexed, messages=talk, temperature=0.3)
    said = whole.choices[0].message.content or ""
    assert said.startswith("At the sluice [S0].\n\nSources:\n- [S0] ")
    assert [one["id"] for one in whole.model_extra["citations"]] == ["S0"]  # type: ignore[index]
    assert whole.usage is not None
    assert whole.usage.total_tokens > 0
    chunks = list(
        client.chat.completions.create(
            model=f"{indexed}:local", messages=talk, stream=True, stream_options={"include_usage": True}
        )
    )
    told = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert told == said
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    (asked,) = [one for one in model_server_process.questions() if one["purpose"] == "local_answer"]
    assert "pirate" not in json.dumps(asked["body"])


def test_errors_have_the_shape_of_the_openai_protocol(service: Caller, attended: Installation, indexed: str) -> None:
    client = chat_client(attended)
    question: list[Any] = [{"role": "user", "content": "Who?"}]
    with pytest.raises(openai.NotFoundError, match="there is no collection 'nowhere'") as missing:
        client.chat.completions.create(model="nowhere", messages=question)
    assert missing.value.code == "not_found"
    with pytest.raises(openai.BadRequestError, match="messages"):
        client.chat.completions.create(model=indexed, messages=[])
    for model in (f"{indexed}:magic", f"{indexed}:"):
        with pytest.raises(openai.BadRequestError, match=r"no query mode .*: use one of local, global") as unknown:
            client.chat.completions.create(model=model, messages=question)
        assert unknown.value.code == "unknown_mode"
    with pytest.raises(openai.BadRequestError, match="no query mode 'magic'"):
        client.models.retrieve(f"{indexed}:magic")
    with pytest.raises(openai.NotFoundError, match="there is no collection 'nowhere:magic'"):
        client.chat.completions.create(model="nowhere:magic", messages=question)
    service.collection("bare")
    service.collection("bare:local")  # the name of a collection goes before that of a mode
    with pytest.raises(openai.ConflictError, match="'bare:local' has no index"):
        client.chat.completions.create(model="bare:local", messages=question)
    with pytest.raises(openai.ConflictError, match="fileintel graphrag index"):
        client.chat.completions.create(model="bare", messages=question)
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=f"{attended.url}/v1", api_key="wrong", max_retries=0).models.list()


def test_a_hundred_questions_at_once_are_all_answered_and_none_is_mixed_up(
    service: Caller, attended: Installation, indexed: str, model_server_process: StandIn
) -> None:
    attended.start_graph_worker().wait_for_output(READY)
    canned = [Canned(f"It is number {n} [S0].", match=f"Question: What is number {n}?") for n in range(100)]
    model_server_process.configure(canned=canned)
    model_server_process.gather(TOGETHER, "local_answer")

    def ask(number: int) -> str:
        body = {"question": f"What is number {number}?", "wait_seconds": PATIENCE_SECONDS}
        with attended.client(timeout=PATIENCE_SECONDS) as client:
            if number % 2:
                return str(streamed(Caller(client), indexed, **body)[-1][1]["answer"])
            return str(Caller(client).ok("POST", f"/graphrag/{indexed}/query", json=body)["answer"])

    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(ask, range(100)))
    assert answers == [f"It is number {number} [S0]." for number in range(100)]
    assert model_server_process.stats().peaks["local_answer"] == TOGETHER


def test_a_question_during_a_rebuild_is_answered_from_one_whole_version(
    service: Caller, indexed: str, model_server_process: StandIn
) -> None:
    before = service.ok("POST", f"/graphrag/{indexed}/query", json={"question": QUESTION})["version"]
    order = {"collection_id": indexed, "force_rebuild": True}
    rebuild = service.ok("POST", "/graphrag/index", 202, json=order)["task_id"]
    versions = set()
    for mode in cycle(("local", "global", "basic", "drift")):
        if service.task(rebuild)["state"] not in ("queued", "running"):
            break
        body = {"question": f"{QUESTION} {len(versions)}", "mode": mode}
        answer = service.ok("POST", f"/graphrag/{indexed}/query", json=body)
        assert answer["citations"]
        versions.add(answer["version"])
    service.wait(rebuild)
    versions.add(service.ok("POST", f"/graphrag/{indexed}/query", json={"question": "Who was it?"})["version"])
    assert versions <= {before, before + 1}
    assert before + 1 in versions


def test_a_question_whose_collection_is_deleted_gets_a_clear_error(
    service: Caller, model_server_process: StandIn
) -> None:
    name = service.collection("short-lived")
    service.wait(service.upload(name, ("a.txt", b"Erna Sollid worked at the sluice in Oslo."))["task_id"])
    service.wait(service.ok("POST", "/graphrag/index", 202, json={"collection_id": name})["task_id"])
    model_server_process.pause()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(streamed, service, name, question="Who worked at the sluice?")
        wait_for(lambda: model_server_process.counts().in_flight, "the question")
        with httpx.Client(base_url=service.http.base_url, headers={"X-API-Key": KEY}, timeout=60) as other:
            assert other.delete(f"/api/v2/collections/{name}").status_code == 200
        model_server_process.resume()
        kind, data = asked.result()[-1]
    assert kind == "problem"
    assert "deleted" in data["detail"] or data["code"] in ("not_found", "no_index")
