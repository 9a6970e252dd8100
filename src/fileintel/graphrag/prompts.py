"""The prompts: files that people may edit, in graphrag's format, checked before anything is asked.

A template has placeholders in braces, as `str.format` takes them; a brace that is meant is doubled. The part
before the paragraph of the first data placeholder is the same for every question of a run: it is sent as the
system message, so that servers can keep its prefix in their cache, and the rest as the user message.

Templates put the data between tags like `<text>` and `</text>`. A closing tag of the template within the data is
sent as `<\\/text>`, so that no document can end the part that the model is told to take as data.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

from fileintel.errors import PromptError
from fileintel.identity import digest
from fileintel.llm.questions import IN_LANGUAGE, Message
from fileintel.resources import shipped


@dataclass(frozen=True)
class PromptKind:
    """What a prompt file must and may hold: `data` changes with each question, `fixed` is the same in a run."""

    file: str
    data: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()


SHIPPED = ("graphrag", "documents")  # folders of shipped prompts

_CLOSING_TAG = re.compile(r"</([A-Za-z][\w-]*)>")


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
            instructions += "\n\n" + IN_LANGUAGE.format(language=language)
        data = Message(role="user", content=self.data.format(**self._enclosed(values)))
        return (Message(role="system", content=instructions), data) if instructions else (data,)

    def text(self, **values: object) -> str:
        """The whole prompt, for those that are one turn of a longer conversation."""
        return f"{self.instructions}\n\n{self.data}".format(**self._enclosed(values)).strip()

    def _enclosed(self, values: dict[str, object]) -> dict[str, object]:
        names = "|".join(sorted(set(_CLOSING_TAG.findall(self.data))))
        if not names:
            return values
        tag = re.compile(rf"<(\s{{0,9}}/\s{{0,9}}(?:{names})\s{{0,9}}>)", re.IGNORECASE)
        return values | {name: tag.sub(r"<\\\1", str(values[name])) for name in self.kind.data if name in values}


class PromptLibrary:
    """The shipped prompts, with a folder of the user's own in front of them, and a collection's own before both.

    Parameters:
      directory: files in it replace the shipped ones of the same name.
      own: texts by file name, which replace both.
    """

    def __init__(self, directory: Path | None = None, own: Mapping[str, str] | None = None) -> None:
        self._directory = directory
        self._directories = [*([directory] if directory else []), *(shipped("prompts") / name for name in SHIPPED)]
        self._own = dict(own or {})

    def with_own(self, own: Mapping[str, str]) -> "PromptLibrary":
        """A library that prefers these texts, by file name, to its own."""
        return PromptLibrary(self._directory, self._own | dict(own))

    def text(self, kind: PromptKind) -> str:
        """The template as it was written, unchecked.

        Raises:
          PromptError: it cannot be read.
        """
        return self._read(kind)[1]

    def load(self, kind: PromptKind) -> Prompt:
        """Read and check one prompt.

        Raises:
          PromptError: it cannot be read, or has a placeholder too many or too few, or a brace that stands alone.
        """
        path, template = self._read(kind)
        return check_template(kind, template, f"prompt {path}")

    def fingerprint(self, kinds: Iterable[PromptKind]) -> str:
        """A hash over the texts of these prompts, in this order."""
        return digest(*(self._read(kind)[1] for kind in kinds))

    def _read(self, kind: PromptKind) -> tuple[Path | str, str]:
        if kind.file in self._own:
            return f"{kind.file} of the collection", self._own[kind.file]
        path = self._directories[0] / kind.file
        try:
            for directory in self._directories:
                path = directory / kind.file
                if path.exists():
                    break
            return path, path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise PromptError(f"prompt {path} cannot be read: {error}") from error


def check_template(kind: PromptKind, template: str, name: str) -> Prompt:
    """A template as a prompt; `name` is how errors call it.

    Raises:
      PromptError: it has a placeholder too many or too few, or a brace that stands alone.
    """
    if "\0" in template:
        raise PromptError(f"{name}: it holds the character NUL, so it is no text")
    placeholders = _placeholders(template, name)
    found, known = {placeholder for placeholder, _ in placeholders}, {*kind.data, *kind.fixed}
    if unknown := sorted(found - known):
        raise PromptError(
            f"{name}: unknown placeholder {{{_shown(unknown[0])}}}; "
            f"known: {', '.join(sorted(known)) or 'none'} (write {{{{ for a brace that is meant)"
        )
    if formatted := [placeholder for placeholder, is_formatted in placeholders if is_formatted]:
        raise PromptError(f"{name}: write {{{formatted[0]}}} with nothing else between its braces")
    if lacking := sorted(set(kind.data) - found):
        raise PromptError(f"{name}: the placeholder {{{lacking[0]}}} is missing")
    return _split(kind, template)


def _placeholders(template: str, name: str) -> list[tuple[str, bool]]:
    """The names in braces, and whether a format or a conversion follows them."""
    try:
        parsed = list(Formatter().parse(template))
    except ValueError as error:
        raise PromptError(f"{name}: {error} (write {{{{ for a brace that is meant)") from error
    return [(name, bool(form or conversion)) for _, name, form, conversion in parsed if name is not None]


def _shown(name: str) -> str:
    """The beginning of what stands in braces, on one line: often a piece of JSON whose braces are not doubled."""
    return " ".join(name.split())[:40]


def _split(kind: PromptKind, template: str) -> Prompt:
    if not kind.data:
        return Prompt(kind, "", template)
    first = re.search(r"(?<!\{)(?:\{\{)*\{(?:" + "|".join(kind.data) + ")[:}]", template)
    assert first is not None  # the placeholders have been checked
    paragraph = template.rfind("\n\n", 0, first.end())
    cut = 0 if paragraph < 0 else paragraph
    return Prompt(kind, template[:cut].strip(), template[cut:].strip())
