"""The prompts: files that people may edit, in graphrag's format, checked before anything is asked.

A template has placeholders in braces, as `str.format` takes them; a brace that is meant is doubled. The part
before the paragraph of the first data placeholder is the same for every question of a run: it is sent as the
system message, so that servers can keep its prefix in their cache, and the rest as the user message.
"""

from dataclasses import dataclass
from pathlib import Path
from string import Formatter

from fileintel.errors import PromptError
from fileintel.identity import digest
from fileintel.llm.questions import Message
from fileintel.resources import shipped


@dataclass(frozen=True)
class PromptKind:
    """What a prompt file must and may hold: `data` changes with each question, `fixed` is the same in a run."""

    file: str
    data: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()


EXTRACT = PromptKind("extract_graph.txt", data=("input_text",), fixed=("entity_types",))
CONTINUE = PromptKind("extract_graph_continue.txt")
LOOP = PromptKind("extract_graph_loop.txt")
DESCRIBE = PromptKind("summarize_descriptions.txt", data=("entity_name", "description_list"), fixed=("max_length",))
CLAIMS = PromptKind("extract_claims.txt", data=("input_text",), fixed=("entity_specs", "claim_description"))
REPORT = PromptKind("community_report_graph.txt", data=("input_text",), fixed=("max_report_length",))
LOCAL = PromptKind("local_search_system_prompt.txt", data=("context_data",), fixed=("response_type",))
GLOBAL_MAP = PromptKind("global_search_map_system_prompt.txt", data=("context_data",), fixed=("max_length",))
GLOBAL_REDUCE = PromptKind(
    "global_search_reduce_system_prompt.txt", data=("report_data",), fixed=("response_type", "max_length")
)

INDEXING = (EXTRACT, CONTINUE, LOOP, DESCRIBE, CLAIMS, REPORT)


@dataclass(frozen=True)
class Prompt:
    """A checked template, split into what is fixed and what changes."""

    kind: PromptKind
    instructions: str
    data: str

    def messages(self, language: str | None = None, **values: object) -> tuple[Message, ...]:
        """The conversation that this prompt opens; `language` is the one that the answer shall be in."""
        instructions = self.instructions.format(**values)
        if language:
            instructions += f"\n\nWrite all text of your answer in {language}."
        data = Message(role="user", content=self.data.format(**values))
        return (Message(role="system", content=instructions), data) if instructions else (data,)

    def text(self, **values: object) -> str:
        """The whole prompt, for those that are one turn of a longer conversation."""
        return (self.instructions + self.data).format(**values).strip()


class PromptLibrary:
    """The shipped prompts, with a folder of the user's own in front of them.

    Parameters:
      directory: files in it replace the shipped ones of the same name.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._directories = [*([directory] if directory else []), shipped("prompts") / "graphrag"]

    def load(self, kind: PromptKind) -> Prompt:
        """Read and check one prompt.

        Raises:
          PromptError: it cannot be read, or has a placeholder too many or too few.
        """
        path, template = self._read(kind)
        found = _placeholders(template, path)
        known = {*kind.data, *kind.fixed}
        if unknown := sorted(found - known):
            raise PromptError(
                f"prompt {path}: unknown placeholder {{{unknown[0]}}}; "
                f"known: {', '.join(sorted(known)) or 'none'} (write {{{{ for a brace that is meant)"
            )
        if lacking := sorted(set(kind.data) - found):
            raise PromptError(f"prompt {path}: the placeholder {{{lacking[0]}}} is missing")
        return _split(kind, template)

    def fingerprint(self) -> str:
        """A hash over the prompts that decide an index."""
        return digest(*(self._read(kind)[1] for kind in INDEXING))

    def _read(self, kind: PromptKind) -> tuple[Path, str]:
        path = next((d / kind.file for d in self._directories if (d / kind.file).is_file()), None)
        path = path or self._directories[-1] / kind.file
        try:
            return path, path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PromptError(f"prompt {path} cannot be read: {error}") from error


def _placeholders(template: str, path: Path) -> set[str]:
    try:
        return {name for _, name, _, _ in Formatter().parse(template) if name is not None}
    except ValueError as error:
        raise PromptError(f"prompt {path}: {error} (write {{{{ for a brace that is meant)") from error


def _split(kind: PromptKind, template: str) -> Prompt:
    if not kind.data:
        return Prompt(kind, "", template)
    first = min(template.index("{" + name + "}") for name in kind.data)
    paragraph = template.rfind("\n\n", 0, first)
    cut = 0 if paragraph < 0 else paragraph
    return Prompt(kind, template[:cut].strip(), template[cut:].strip())
