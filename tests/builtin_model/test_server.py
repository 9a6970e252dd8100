"""The built-in model over HTTP, as clients meet it."""

import socket
from concurrent.futures import ThreadPoolExecutor

import httpx
import openai
import pytest

from fileintel.builtin_model import engine

from .asking import about_text
from .prose_samples import ENGLISH


def test_the_openai_client_gets_the_answer_of_the_engine(base_url: str) -> None:
    client = openai.OpenAI(base_url=base_url, api_key="none")
    messages = about_text(ENGLISH)
    answer = client.chat.completions.create(
        model="anything",
        messages=messages,  # type: ignore[arg-type]
        extra_headers={"X-FileIntel-Purpose": "extract"},
    )
    assert answer.choices[0].message.content == engine.answer("extract", messages)
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "anything"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 500
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_the_openai_client_gets_embeddings_in_both_encodings(base_url: str) -> None:
    client = openai.OpenAI(base_url=base_url, api_key="none")
    packed = client.embeddings.create(model="m", input=["one sluice", "two locks"])
    plain = client.embeddings.create(model="m", input=["one sluice", "two locks"], encoding_format="float")
    expected = engine.embed(["one sluice", "two locks"])
    assert [item.embedding for item in plain.data] == expected
    for item, vector in zip(packed.data, expected, strict=True):
        assert item.embedding == pytest.approx(vector, abs=1e-6)
    assert len(client.embeddings.create(model="m", input="x", dimensions=64).data[0].embedding) == 64


def test_a_streamed_answer_is_the_same_answer(base_url: str) -> None:
    client = openai.OpenAI(base_url=base_url, api_key="none")
    stream = client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "Hello there"}], stream=True
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == "Hello there"


def test_models_and_health_are_served(base_url: str) -> None:
    assert httpx.get(f"{base_url}/models").json()["data"][0]["id"] == "fileintel-extractive"
    assert httpx.get(f"{base_url.removesuffix('/v1')}/health").json()["status"] == "ok"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/chat/completions", b"not json", 400),
        ("/chat/completions", b"[]", 400),
        ("/chat/completions", b"{}", 400),
        ("/chat/completions", b'{"messages": ["x"]}', 400),
        ("/embeddings", b'{"input": []}', 400),
        ("/embeddings", b'{"input": [[1, 2]]}', 400),
        ("/embeddings", b'{"input": "x", "dimensions": 0}', 400),
        ("/completions", b"{}", 404),
        ("/models", b"{}", 405),
    ],
)
def test_errors_have_the_shape_of_openai(base_url: str, path: str, body: bytes, status: int) -> None:
    answer = httpx.post(base_url + path, content=body)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_a_body_that_is_too_large_is_refused_without_reading_it(base_url: str) -> None:
    address = httpx.URL(base_url)
    with socket.create_connection((address.host, address.port or 0)) as line:
        line.sendall(b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n")
        assert line.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_the_server_listens_on_the_loopback_interface_only(base_url: str) -> None:
    assert httpx.URL(base_url).host == "127.0.0.1"


def test_a_connection_is_kept_open_after_answers_and_errors(base_url: str) -> None:
    address = httpx.URL(base_url)
    with socket.create_connection((address.host, address.port or 0)) as line:
        for path, status in (("/health", b"200"), ("/nothing", b"404"), ("/v1/models", b"200")):
            line.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert line.recv(65536).split(b" ")[1] == status


def test_a_hundred_connections_at_once_are_answered(base_url: str) -> None:
    expected = [f"Call number {number}." for number in range(100)]
    limits = httpx.Limits(max_connections=100)
    with httpx.Client(base_url=base_url, limits=limits, timeout=60) as client, ThreadPoolExecutor(100) as pool:

        def ask(text: str) -> str:
            body = {"model": "m", "messages": [{"role": "user", "content": text}]}
            answer = client.post("/chat/completions", json=body)
            return str(answer.json()["choices"][0]["message"]["content"])

        assert list(pool.map(ask, expected)) == expected
