"""Model servers that are down, refuse, know other models, change their minds, or come back."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from fileintel.runs.embedding_size import PROBE_TEXT, ROUNDS
from tests.conftest import SAMPLES, CommandLine
from tests.standin import StandIn
from tests.standin.settings import Fault

from .conftest import COLLECTION, Town
from .tables import read_tables
from .test_bad_input import one_line_of
from .watching import Watched

NOBODY_LISTENS = "http://127.0.0.1:9/v1"


def test_a_server_that_is_down_is_told_at_once(indexed: CommandLine) -> None:
    for command in (("index", COLLECTION, "--force"), ("query", COLLECTION, "Is anybody there?")):
        refused = indexed("graphrag", *command, check=69, OPENAI_BASE_URL=NOBODY_LISTENS)
        assert NOBODY_LISTENS in one_line_of(refused)
    parts = indexed("graphrag", "system-status", "--json", check=69, OPENAI_BASE_URL=NOBODY_LISTENS).json
    assert {part["part"]: part["state"] for part in parts}["chat model"] == "failed"


def test_a_server_that_refuses_the_key_is_told_with_its_words(prepared: CommandLine, model_server: StandIn) -> None:
    model_server.configure(api_key="right")
    refused = one_line_of(prepared("graphrag", "index", COLLECTION, "-q", check=1, OPENAI_API_KEY="wrong"))
    assert "HTTP 401" in refused
    assert "wrong" not in refused


def test_the_one_answer_that_a_run_hangs_on_is_asked_for_longer_than_others(
    prepared: CommandLine, model_server: StandIn
) -> None:
    probe = {"purpose": "embeddings", "match": PROBE_TEXT}
    index = ("--set", "llm.max_retries=1", "graphrag", "index", COLLECTION, "-q")
    model_server.configure(faults=[Fault("server_error", **probe)])
    assert "HTTP 500" in one_line_of(prepared(*index, check=1))
    assert model_server.stats().asked["embeddings"] == 2 * ROUNDS
    model_server.configure(faults=[Fault("server_error", count=2 * ROUNDS - 1, **probe)])
    prepared(*index)


def test_an_unknown_model_is_told_with_those_there_are(prepared: CommandLine, model_server: StandIn) -> None:
    model_server.configure(models=["large", "small"])
    message = one_line_of(prepared("graphrag", "index", COLLECTION, check=1, FILEINTEL__LLM__MODEL="medium"))
    assert "'medium'" in message
    assert "large, small" in message


def test_a_server_that_dies_in_the_middle_is_waited_for(prepared: CommandLine, town: Town) -> None:
    with StandIn.start() as first:
        first.pause(after=3, purpose="report")
        run = Watched(prepared.start("graphrag", "index", COLLECTION, "-q", OPENAI_BASE_URL=first.base_url))
        first.wait_until(lambda stats: stats.answered["report"] >= 3 and stats.in_flight > 0)
    with StandIn.start(port=first.port) as second:
        code, _, err = run.end()
        assert (code, err) == (0, "")
        assert second.stats().repeated == 0
    assert read_tables(prepared.environment["DATABASE_URL"]) == town.tables


def test_a_server_that_does_not_list_its_models_is_taken_at_its_word(
    prepared: CommandLine, model_server: StandIn
) -> None:
    with without_list_of_models(model_server) as url:
        assert prepared("graphrag", "index", COLLECTION, "-q", OPENAI_BASE_URL=url).err == ""
        settings = {**prepared.environment, "OPENAI_BASE_URL": url}
        settings.pop("FILEINTEL__LLM__MODEL")
        message = one_line_of(CommandLine(settings)("graphrag", "index", COLLECTION, check=2))
        assert "llm.model" in message


def test_vectors_of_another_size_are_refused_and_the_old_index_still_answers(
    indexed: CommandLine, model_server: StandIn
) -> None:
    model_server.configure(embedding_dims=100)
    indexed("documents", "add", COLLECTION, SAMPLES / "halvane-feldkirch-letters.txt")
    refused = one_line_of(indexed("graphrag", "index", COLLECTION, "-q", check=1))
    assert "100" in refused
    assert "384" in refused
    assert "--fresh" in refused
    message = one_line_of(indexed("graphrag", "query", COLLECTION, "Who is Erna Sollid?", check=1))
    assert "100" in message

    model_server.configure(embedding_dims=384)
    answer = indexed("graphrag", "query", COLLECTION, "Who is Erna Sollid?", "--json").json
    assert (answer["version"], bool(answer["citations"])) == (1, True)


@contextmanager
def without_list_of_models(server: StandIn) -> Iterator[str]:
    """The same server at another address, where `/models` is 404; gives the URL."""

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_error(404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            line = http.client.HTTPConnection("127.0.0.1", server.port)
            line.request("POST", self.path, body, {k: v for k, v in self.headers.items() if k.lower() != "host"})
            answer = line.getresponse()
            content = answer.read()
            line.close()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    door = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=door.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{door.server_address[1]}/v1"
    door.shutdown()
    door.server_close()
