"""A model server that answers like a model would where upstream wants JSON, and remembers what it was told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fileintel.builtin_model import engine, protocol
from fileintel.builtin_model.server import Handler, ModelServer

STEP = "# The lighthouse\nA museum bought it."
FOLLOW_UP = "Which museum?"
POINT = "Erna Sollid kept a diary [Data: Reports (1)]."


class Answering(Handler):
    """Answers questions about points with one point, DRIFT's with a step, and everything else with a sentence."""

    def _chat(self, raw: bytes) -> None:
        body = protocol.parse(raw)
        prompt = "\n".join(engine.text_of(message) for message in protocol.messages_of(body))
        self.server.prompts.append(prompt)  # type: ignore[attr-defined]
        point = json.dumps({"points": [{"description": POINT, "score": 80}]})
        # DRIFT's first question comes with a schema, those that follow with a description of another
        named = "intermediate_answer" if "response_format" in body else "response"
        step = {named: STEP, "score": 80, "follow_up_queries": [FOLLOW_UP]}
        answers = {'"points"': point, "follow_up_queries": json.dumps(step)}
        whole = protocol.completion(body, next((a for sign, a in answers.items() if sign in prompt), "An answer."))
        if body.get("stream"):
            self._write(200, protocol.chunks(whole), "text/event-stream")
        else:
            self._send(200, whole)


@contextmanager
def answering() -> Iterator[tuple[str, list[str]]]:
    """The base URL of a running server, and the prompts that it gets."""
    server = ModelServer(("127.0.0.1", 0), Answering)
    server.prompts = prompts = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", prompts
    finally:
        server.shutdown()
        server.server_close()
