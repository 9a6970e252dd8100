"""Prompts as files of this machine: written out to be changed, and read in again."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from fileintel.errors import ConflictError, PromptError, UsageError


def write(texts: Mapping[str, str], directory: Path) -> list[Path]:
    """Write prompts into a folder, which is made if missing; a file that differs is not replaced.

    Raises:
      ConflictError: there is a file of that name with another text; nothing is written then.
      OSError: it cannot be written.
    """
    files = {directory / name: text.encode("utf-8") for name, text in texts.items()}
    directory.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        if path.exists() and path.read_bytes() != content:
            raise ConflictError(f"{path} is there already with another text: move it away, or name another folder")
    for path, content in files.items():
        path.write_bytes(content)
    return list(files)


def read(paths: Sequence[Path], known: Collection[str]) -> dict[str, str]:
    """The texts of files that are named like prompts, and of such files in folders, by name.

    Raises:
      UsageError: there is no prompt of a file's name, or none in a folder.
      PromptError: a file cannot be read.
    """
    texts: dict[str, str] = {}
    for path in paths:
        files = sorted(inner for inner in path.iterdir() if inner.name in known) if path.is_dir() else [path]
        if not files:
            raise UsageError(f"there is no prompt in {path}: the files are named {', '.join(sorted(known))}")
        for file in files:
            if file.name not in known:
                raise UsageError(f"{file} is named like no prompt: there are {', '.join(sorted(known))}")
            try:
                texts[file.name] = file.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                raise PromptError(f"prompt {file} cannot be read: {error}") from error
    return texts
