"""The stand-in as a model server that works."""

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai
import pytest

from fileintel.builtin_model import engine

from . import Canned, StandIn

CLIENT = httpx.Client(timeout=30)  # shared by threads; a new one for each request would cost 30 ms
TEXT = "<text>Ilse Brandt met Jonas Krohn in Altona in 1904.</text>"


def body(text: str = TEXT, **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}], **more}


def ask(server: StandIn, text: str = TEXT, purpose: str = "extract", **more: Any) -> httpx.Response:
    headers = {"X-FileIntel-Purpose": purpose} if purpose else {}
    return CLIENT.post(f"{server.base_url}/chat/completions", json=body(text, **more), headers=headers)


def content(answer: httpx.Response) -> str:
    return str(answer.json()["choices"][0]["message"]["content"])


def shout(purpose: str, messages: Sequence[dict[str, Any]], _schema_name: str | None) -> str:
    return f"{purpose}: {messages[-1]['content'].upper()}"


def test_answers_come_from_the_built_in_model(standin: StandIn) -> None:
    client = openai.OpenAI(base_url=standin.base_url, api_key="k")
    messages = body()["messages"]
    answer = client.chat.completions.create(
        model="m", messages=messages, extra_headers={"X-FileIntel-Purpose": "extract"}
    )
    assert answer.choices[0].message.content == engine.answer("extract", messages)
    vectors = client.embeddings.create(model="m", input=["a sluice"])
    assert vectors.data[0].embedding == pytest.approx(engine.embed(["a sluice"])[0], abs=1e-6)


def test_vectors_have_the_size_that_is_set(standin: StandIn) -> None:
    standin.configure(embedding_dims=1024)
    client = openai.OpenAI(base_url=standin.base_url, api_key="k")
    assert len(client.embeddings.create(model="m", input="x").data[0].embedding) == 1024


def test_synthetic_answers_have_the_same_shapes(standin: StandIn) -> None:
    standin.configure(answers="synthetic")
    assert content(ask(standin)).endswith("<|COMPLETE|>")
    assert "findings" in json.loads(content(ask(standin, "<data>x</data>", "report")))
    assert "points" in json.loads(content(ask(standin, "<data>x</data>", "global_map")))
    assert "title" in json.loads(content(ask(standin, "<text>x</text>", "metadata")))
    data = "<data>\n-----Sources-----\nid,text\nS1,x\n</data>\nQuestion: y"
    assert "[S1]" in content(ask(standin, data, "local_answer"))
    assert "[S1]" in content(ask(standin, data, "passage_answer"))
    assert content(ask(standin)) == content(ask(standin))


def test_answers_can_be_canned_by_purpose_and_by_text(standin: StandIn) -> None:
    standin.configure(canned=[Canned("only reports", purpose="report"), Canned("only Krohn", match="Krohn")])
    assert content(ask(standin, "x", "report")) == "only reports"
    assert content(ask(standin)) == "only Krohn"
    standin.configure(canned={"Altona": "by text"})
    assert content(ask(standin)) == "by text"


def test_answers_can_come_from_a_function(standin: StandIn) -> None:
    standin.configure(answers=shout)
    assert content(ask(standin, "hello", "local_answer")) == "local_answer: HELLO"
    with pytest.raises(ValueError, match="cannot be imported"):
        standin.configure(answers=lambda *_: "")


def test_unknown_settings_and_faults_are_refused(standin: StandIn) -> None:
    with pytest.raises(TypeError):
        standin.configure(latncy=1)
    with pytest.raises(ValueError, match="unknown fault"):
        standin.configure(faults=[{"kind": "sulking"}])


def test_the_key_the_model_and_the_length_are_checked(standin: StandIn) -> None:
    standin.configure(api_key="secret")
    assert ask(standin).status_code == 401
    client = openai.OpenAI(base_url=standin.base_url, api_key="secret")
    assert client.models.list().data[0].id == "standin"
    assert client.chat.completions.create(**body()).choices
    standin.configure(api_key=None, models=["other"])
    assert ask(standin).json()["error"]["code"] == "model_not_found"
    standin.configure(models=[], context_length=5)
    answer = ask(standin)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "context_length_exceeded")


@pytest.mark.parametrize(
    ("support", "kind", "status"),
    [
        (True, "json_schema", 200),
        (False, "json_schema", 400),
        (False, "json_object", 400),
        ("json_object", "json_object", 200),
        ("json_object", "json_schema", 400),
        (False, "text", 200),
    ],
)
def test_response_formats_can_be_unsupported(standin: StandIn, support: Any, kind: str, status: int) -> None:
    standin.configure(json_schema_support=support)
    assert ask(standin, response_format={"type": kind}).status_code == status


def test_what_is_asked_is_counted_by_purpose_and_by_question(standin: StandIn) -> None:
    for text in ("one", "two", "one"):
        ask(standin, text, "describe")
    httpx.post(f"{standin.base_url}/embeddings", json={"model": "m", "input": ["a", "b"]})
    httpx.post(f"{standin.base_url}/embeddings", json={"model": "m", "input": ["b", "c"]})
    stats = standin.stats()
    assert stats.asked == {"describe": 3, "embeddings": 2}
    assert stats.answered == stats.asked
    assert sorted(question["asked"] for question in stats.questions.values()) == [1, 1, 1, 2]
    assert stats.repeated == 1
    assert sorted(each["asked"] for each in stats.inputs.values()) == [1, 1, 2]
    assert stats.statuses == [200] * 5
    first = standin.questions()[0]
    assert (first["purpose"], first["asked"], first["answered"]) == ("describe", 2, 2)
    assert first["body"]["messages"][0]["content"] == "one"
    standin.reset()
    assert not standin.stats().questions


def test_the_order_of_keys_does_not_make_another_question(standin: StandIn) -> None:
    for text in ('{"model":"m","messages":[{"role":"user","content":"x"}]}',
                 '{"messages": [{"content": "x", "role": "user"}], "model": "m"}'):  # fmt: skip
        httpx.post(f"{standin.base_url}/chat/completions", content=text)
    assert [question["asked"] for question in standin.questions()] == [2]


def test_held_answers_keep_the_questions_in_flight_until_they_are_let_go(standin: StandIn) -> None:
    standin.pause()
    with ThreadPoolExecutor(5) as pool:
        asked = [pool.submit(ask, standin, f"text {number}") for number in range(5)]
        stats = standin.wait_until(lambda stats: stats.in_flight == 5)
        assert not stats.answered
        standin.resume()
        assert {each.result().status_code for each in asked} == {200}
    assert standin.stats().peak_in_flight == 5


def test_a_pause_can_come_after_a_number_of_answers(standin: StandIn) -> None:
    standin.pause(after=3, purpose="extract")
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, standin, f"text {number}") for number in range(8)]
        standin.wait_until(lambda stats: stats.answered["extract"] == 3 and stats.in_flight == 5)
        standin.resume()
        assert all(each.result().status_code == 200 for each in asked)


def test_requests_beyond_the_limit_wait_in_a_queue(standin: StandIn) -> None:
    standin.configure(max_concurrent=2)
    standin.pause()
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(ask, standin, f"text {number}") for number in range(6)]
        stats = standin.wait_until(lambda stats: stats.in_flight == 6)
        assert (stats.running, stats.waiting) == (2, 4)
        assert 'vllm:num_requests_running{model_name="standin"} 2.0' in standin.metrics()
        assert 'vllm:num_requests_waiting{model_name="standin"} 4.0' in standin.metrics()
        standin.resume()
        assert all(each.result().status_code == 200 for each in asked)
    stats = standin.counts()
    assert (stats.running, stats.waiting) == (0, 0)


def test_a_client_that_leaves_gives_its_slot_back(standin: StandIn) -> None:
    standin.configure(max_concurrent=1, latency=30.0)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{standin.base_url}/chat/completions", json=body(), timeout=0.2)
    stats = standin.wait_until(lambda stats: stats.in_flight == 0)
    assert (stats.abandoned, stats.running) == (1, 0)
    standin.configure(latency=0.0)
    assert ask(standin).status_code == 200


def test_latency_depends_on_the_content_alone() -> None:
    code = (
        "from tests.standin.model import Model\n"
        "from tests.standin.settings import Settings\n"
        "m = Model(); m.configure(Settings(latency={'report': ('lognormal', 3.5, 0.6), '*': 1.0}))\n"
        "draws = [m.latency('report', str(n)) for n in range(2000)]\n"
        "print(m.latency('extract', 'x'), sum(draws) / len(draws), draws[:3])\n"
    )
    runs = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    (only,) = runs
    assert only.startswith("1.0 3.")


def test_the_stand_in_ends_with_the_test_process() -> None:
    server = StandIn.start()
    process = server._process
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(10) == 0
    server.stop()
