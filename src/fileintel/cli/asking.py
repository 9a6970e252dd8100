"""`fileintel graphrag query`: a question, its answer as it comes, and what stands behind it."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fileintel.cli.context import Collection, Json, invocation
from fileintel.cli.output import plain, print_json, say
from fileintel.errors import UsageError
from fileintel.services.vocabulary import SUMMARY

if TYPE_CHECKING:
    from fileintel.services.questions import Turn

WIDTH = 100  # columns
AS_THEY_ARE = ("table", "markdown", "json")  # forms whose lines must not be broken

Mode = Annotated[
    str,
    typer.Option(help=SUMMARY),
]
Format = Annotated[
    str, typer.Option("--format", help="Form of the answer: default, paragraph, list, table, markdown or json.")
]
SchemaFile = Annotated[
    Path | None, typer.Option("--schema", help="File with a JSON schema; the answer is JSON that follows it.")
]
History = Annotated[
    Path | None,
    typer.Option(help="File of a conversation that this question goes on with; it is made, and kept up to date."),
]
Language = Annotated[str | None, typer.Option(help="Language of the answer; without it, that of the question.")]
Dynamic = Annotated[
    bool | None,
    typer.Option("--dynamic/--all-reports", help="global: read only reports that matter, or all of a level."),
]
ShowSources = Annotated[
    bool | None,
    typer.Option(
        "--show-sources/--no-sources",
        help="Each passage behind each citation, or none; without it, the nearest passage of each.",
    ),
]
Stream = Annotated[bool, typer.Option("--stream/--no-stream", help="Print the answer while it is written.")]


def query(
    context: typer.Context,
    collection: Collection,
    question: Annotated[str, typer.Argument(help="The question.", show_default=False)],
    mode: Mode = "local",
    form: Format = "default",
    schema: SchemaFile = None,
    history: History = None,
    language: Language = None,
    dynamic: Dynamic = None,
    show_sources: ShowSources = None,
    stream: Stream = True,
    as_json: Json = False,
) -> None:
    """Answer a question from the index, with citations."""
    from fileintel.cli.results import print_about_answer
    from fileintel.services.questions import QueryRequest

    turns = _read_history(history)
    query_request = QueryRequest(
        question,
        mode,
        turns,
        "json" if schema is not None and form == "default" else form,
        _read_schema(schema),
        language,
        dynamic,
        stream=stream and not as_json,
    )
    query_request.check()
    printer = Printer(wrap=query_request.form not in AS_THEY_ARE)
    with invocation(context).installation() as installation:
        reply = installation.graph.ask(collection, query_request, printer if query_request.stream else None)
    if history is not None:
        _write_history(history, turns, question, str(reply["answer"]))
    if as_json:
        print_json(reply)
        return
    printer.finish(str(reply["answer"]))
    print_about_answer(reply, sources=show_sources)


class Printer:
    """Prints an answer as it comes, its lines broken between words.

    Parameters:
      wrap: whether lines are broken.
    """

    def __init__(self, *, wrap: bool) -> None:
        self._wrap = wrap
        self._heard = ""
        self._word = ""
        self._space = ""
        self._column = 0

    def hear(self, text: str) -> None:
        """Print the next piece."""
        self._heard += text
        if self._wrap:
            for character in plain(text):
                self._take(character)
        else:
            sys.stdout.write(plain(text))
        sys.stdout.flush()

    def forget(self) -> None:
        """What was printed does not count."""
        self._end_line()
        self._heard = ""
        say("(the answer begins anew)")

    def finish(self, answer: str) -> None:
        """Print what is left of the answer."""
        if not answer.startswith(self._heard):
            self.forget()
        self.hear(answer[len(self._heard) :])
        self._end_line()

    def _take(self, character: str) -> None:
        if not character.isspace():
            self._word += character
            return
        self._put_word()
        if character == "\n":
            sys.stdout.write("\n")
            self._space, self._column = "", 0
        else:
            self._space = " "

    def _put_word(self) -> None:
        if not self._word:
            return
        if self._column and self._column + len(self._space) + len(self._word) > WIDTH:
            sys.stdout.write("\n")
            self._space, self._column = "", 0
        text = (self._space if self._column else "") + self._word
        sys.stdout.write(text)
        self._column += len(text)
        self._word = self._space = ""

    def _end_line(self) -> None:
        self._put_word()
        if self._heard:
            sys.stdout.write("\n")
        self._space, self._column = "", 0
        sys.stdout.flush()


def _read_history(path: Path | None) -> "tuple[Turn, ...]":
    from fileintel.services.questions import read_turns

    if path is None or not path.exists():
        return ()
    return read_turns(_read_json(path, "history"))


def _write_history(path: Path, turns: "tuple[Turn, ...]", question: str, answer: str) -> None:
    said: list[dict[str, Any]] = [vars(turn) for turn in turns]
    said += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    path.write_text(json.dumps(said, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _read_schema(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    schema = _read_json(path, "schema")
    if not isinstance(schema, dict):
        raise UsageError(f"the schema {path} must be a JSON object")
    return schema


def _read_json(path: Path, what: str) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} is to be a file with the {what}, and cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the {what} {path} cannot be read as JSON: {error}") from error
