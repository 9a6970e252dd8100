"""Whether what supports an answer gets before the model: recall of known passages in the context of each mode.

`python -m benchmarks.retrieval [--upstream] [--questions 22]`

The sample collection is indexed with the built-in model; examples/questions.json has questions with the sentences that
answer them. Two shares of these sentences are counted: those that the model is shown as part of a passage, and those
that what it is shown leads back to (a report's nearest passages, an entity's). With `--upstream` graphrag's own local
and basic search run over the exported tables, with the same vectors.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
NAME = "sample"
WAYS = {
    "local": {"mode": "local"},
    "basic": {"mode": "basic"},
    "global": {"mode": "global"},
    "global, dynamic": {"mode": "global", "dynamic": True},
    "drift": {"mode": "drift"},
    "auto": {"mode": "auto"},
}


def plain(text: str) -> str:
    """Text in which line ends and runs of spaces do not count."""
    return " ".join(text.split())


def recall(quotes: Iterable[str], passages: Iterable[str]) -> tuple[int, int]:
    """How many of the quotes stand in the passages, and how many there are."""
    shown = [plain(passage) for passage in passages]
    wanted = [plain(quote) for quote in quotes]
    return sum(any(quote in passage for passage in shown) for quote in wanted), len(wanted)


def ours(questions: list[dict[str, Any]], home: Path) -> dict[str, dict[str, Any]]:
    """The recall of each of our modes."""
    from fileintel.config import load_settings
    from fileintel.graphrag.query.query_request import QueryRequest
    from fileintel.runs import questions as asking
    from fileintel.workspace import Workspace

    found: dict[str, dict[str, Any]] = {}
    with Workspace(load_settings({"home": str(home)}, {})) as workspace:
        for name, way in WAYS.items():
            shown = reachable = total = tokens = 0
            for one in questions:
                query_request = QueryRequest(one["question"], search_only=True, **way)
                reply = asking.ask(workspace, NAME, query_request)
                quotes = [each["quote"] for each in one["supporting"]]
                citations = reply["citations"]
                in_context, count = recall(quotes, [each["quote"] for each in citations if each["id"].startswith("S")])
                shown += in_context
                reachable += recall(quotes, [each["quote"] for each in citations])[0]
                total += count
                tokens += reply["llm"]["calls"]
            found[name] = {
                "in_context": round(shown / total, 3),
                "reachable": round(reachable / total, 3),
                "quotes": total,
                "calls_before_the_answer": round(tokens / len(questions), 1),
            }
    return found


def upstream(questions: list[dict[str, Any]], home: Path, environment: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The recall of graphrag's searches over the exported tables."""
    folder = home / "exported"
    fileintel("graphrag", "export", NAME, folder, environment=environment)
    from fileintel.builtin_model.launch import BuiltinModelServer

    server = BuiltinModelServer()
    try:
        words = [sys.executable, "-m", "benchmarks.retrieval_upstream", str(folder), server.start()]
        texts = json.dumps([one["question"] for one in questions])
        done = subprocess.run(words, input=texts, capture_output=True, text=True, cwd=ROOT, check=True)
    finally:
        server.stop()
    found: dict[str, dict[str, Any]] = {}
    for name, contexts in json.loads(done.stdout.strip().splitlines()[-1]).items():
        pairs = zip(questions, contexts, strict=True)
        counts = [recall([each["quote"] for each in one["supporting"]], context) for one, context in pairs]
        share = sum(hit for hit, _ in counts) / sum(count for _, count in counts)
        found[f"graphrag {name}"] = {"in_context": round(share, 3), "quotes": sum(count for _, count in counts)}
    return found


def fileintel(*words: object, environment: Mapping[str, str]) -> None:
    """Run a command."""
    command = [sys.executable, "-m", "fileintel", *map(str, words)]
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):
        raise SystemExit(f"{command} failed: {done.stderr}")


def main() -> None:
    """Index, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=1000, help="only the first ones")
    parser.add_argument("--upstream", action="store_true", help="graphrag's searches as well")
    options = parser.parse_args()
    questions = json.loads((EXAMPLES / "questions.json").read_text(encoding="utf-8"))
    questions = [one for one in questions if one["supporting"]][: options.questions]
    with tempfile.TemporaryDirectory(prefix="fi-", dir="/var/tmp", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        ours_alone = {name: one for name, one in os.environ.items() if not name.startswith(("FILEINTEL", "OPENAI"))}
        environment = ours_alone | {"FILEINTEL_HOME": str(home)}
        fileintel("collections", "create", NAME, environment=environment)
        fileintel("documents", "add", NAME, EXAMPLES / "kestervag", environment=environment)
        fileintel("graphrag", "index", NAME, environment=environment)
        found = ours(questions, home)
        if options.upstream:
            found |= upstream(questions, home, environment)
    print(json.dumps({"questions": len(questions), "recall": found}, indent=2))


if __name__ == "__main__":
    main()
