"""The MCP server, asked by a client that speaks the protocol over its stdin and stdout."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import CommandLine
from tests.standin import StandIn

from .conftest import COLLECTION, Town


class Client:
    """Sends requests, reads what comes back."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._number = 0

    def send(self, line: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def request(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        message = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": parameters}
        answer = self.send(json.dumps(message))
        assert (answer["jsonrpc"], answer["id"]) == ("2.0", self._number)
        return answer["result"] if "result" in answer else answer["error"]

    def notify(self, method: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", "method": method}) + "\n")

    def call(self, tool: str, **arguments: Any) -> Any:
        return self.request("tools/call", name=tool, arguments=arguments)


@pytest.fixture(scope="module")
def client(town: Town) -> Iterator[Client]:
    """A client of a server over the indexed town, its session begun."""
    fileintel: CommandLine = town.fileintel
    process = subprocess.Popen(
        fileintel.command("mcp"),
        env=fileintel.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    client = Client(process)
    info = {"name": "test", "version": "1"}
    begun = client.request("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=info)
    assert begun["protocolVersion"] == "2025-06-18"
    assert begun["serverInfo"]["name"] == "fileintel"
    client.notify("notifications/initialized")
    yield client
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(30) == 0


def test_the_tools_are_listed_with_their_arguments(client: Client) -> None:
    assert client.request("ping") == {}
    tools = {tool["name"]: tool["inputSchema"] for tool in client.request("tools/list")["tools"]}
    assert list(tools) == ["list_collections", "search", "ask"]
    assert tools["ask"]["required"] == ["collection", "question"]


def test_a_client_lists_searches_and_asks(client: Client, model_server: StandIn) -> None:
    listed = client.call("list_collections")
    assert [one["name"] for one in listed["structuredContent"]["collections"]] == [COLLECTION]
    found = client.call("search", collection=COLLECTION, query="sluice", limit=2)
    passages = found["structuredContent"]["passages"]
    assert len(passages) == 2
    assert all(one["end"] - one["start"] == len(one["quote"]) for one in passages)
    assert not model_server.counts().asked["passage_answer"]
    answered = client.call("ask", collection=COLLECTION, question="Who was Erna Sollid?", mode="auto")
    assert answered["isError"] is False
    assert answered["structuredContent"]["citations"]
    assert "Sources:" in answered["content"][0]["text"]


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("ask", {"collection": "nowhere", "question": "Who?"}, "there is no collection 'nowhere'"),
        ("ask", {"collection": COLLECTION, "question": ""}, "'question' must be a text"),
        ("ask", {"collection": COLLECTION, "question": "Who?", "mode": "magic"}, "there is no query mode 'magic'"),
        ("search", {"collection": COLLECTION, "query": "x", "limit": 0}, "a number from 1 on"),
    ],
)
def test_an_assistant_can_read_what_was_wrong(client: Client, tool: str, arguments: Any, says: str) -> None:
    answer = client.call(tool, **arguments)
    assert answer["isError"] is True
    assert says in answer["content"][0]["text"]


def test_what_is_no_request_gets_the_errors_of_the_protocol(client: Client) -> None:
    assert client.send("no JSON")["error"]["code"] == -32700
    assert client.send("[]")["error"]["code"] == -32600
    assert client.request("resources/list")["code"] == -32601
    assert client.call("fly")["code"] == -32602
