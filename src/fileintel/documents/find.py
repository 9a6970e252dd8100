"""From what a user names (files, folders, patterns) to the files that are meant, in a fixed order."""

import fnmatch
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fileintel import errors
from fileintel.documents import kinds
from fileintel.documents.document import shown

WILD = frozenset("*?[")
HIDDEN = (".", "~$")  # the second are the files by which office programs say who has a document open
BROKEN, SPECIAL = "behind a broken link", "not regular"  # pipes, sockets, devices


def find_documents(paths: Sequence[str]) -> list[Path]:
    """The files that `paths` name, each once, in the order of `paths` and by name below each.

    A file is taken whatever its ending. A folder stands for all files of a supported kind in it and below it; hidden
    files and folders are passed over, and so are the lock files of office programs. A pattern may hold `*`, `?`, `[…]`
    and `**` (any folders); what it matches counts when it is of a supported kind. Links are followed,
    into each folder once.

    Raises:
        UsageError: a path does not exist or cannot be listed, or a folder or pattern leads to no document.
    """
    found: dict[str, Path] = {}
    for path in paths:
        for file in _expand(path).documents():
            found.setdefault(os.path.realpath(file), Path(file))
    return list(found.values())


def passed_over(paths: Sequence[str]) -> Counter[str]:
    """How many visible files of other kinds there are in the folders and behind the patterns among `paths`, by ending
    ("" for those without one); what is no regular file, whatever its ending, as `BROKEN` or `SPECIAL`.

    Raises: as `find_documents`.
    """
    meant = [_expand(path) for path in paths]
    others = {_identity(file): _sort_of(file) for each in meant for file in each.others()}
    named = {_identity(file) for each in meant for file in each.documents()}
    return Counter(sort for identity, sort in others.items() if identity not in named)


def _identity(file: str) -> str:
    """One for all paths to a file; each broken link is one of its own."""
    return os.path.realpath(file) if os.path.exists(file) else os.path.abspath(file)


def _sort_of(file: str) -> str:
    if os.path.isfile(file):
        return kinds.suffix_of(file)
    return SPECIAL if os.path.exists(file) else BROKEN


@dataclass(frozen=True)
class _Meant:
    """The files that a path leads to, and what is no regular file. `otherwise` is what to say when none of them is a
    document; None for a path that names a file itself, which is taken whatever its ending."""

    files: Sequence[str]
    otherwise: str | None = None

    def documents(self) -> list[str]:
        if self.otherwise is None:
            return list(self.files)
        kept = [file for file in self.files if _is_document(file)]
        if not kept:
            raise errors.UsageError(f"{self.otherwise}; supported are {kinds.SUPPORTED}")
        return sorted(kept, key=lambda file: [os.fsencode(part) for part in Path(file).parts])

    def others(self) -> list[str]:
        return [] if self.otherwise is None else [file for file in self.files if not _is_document(file)]


def _is_document(file: str) -> bool:
    return kinds.is_supported(file) and os.path.isfile(file)


def _expand(path: str) -> _Meant:
    if "\0" in path or not path:
        raise errors.UsageError(f"{shown(path)!r} is no path; name a file, a folder or a pattern")
    if os.path.isdir(path):
        return _Meant(list(_files_below(path)), f"{shown(path)} holds no document")
    if os.path.lexists(path):  # before patterns: a file may be called "notes [1].md"
        return _Meant([path])
    if WILD & set(path):
        segments = [segment for segment in path.split("/") if segment]
        matches = dict.fromkeys(_matches("/" if path.startswith("/") else "", segments))
        return _Meant(list(matches), f"the pattern {shown(path)} matches no document")
    raise errors.UsageError(f"{shown(path)} does not exist; check the path")


def _files_below(folder: str) -> Iterator[str]:
    for _, files in _walk(folder):
        yield from files


def _walk(top: str) -> Iterator[tuple[str, list[str]]]:
    """Folders with their files, hidden ones left out; links to a folder seen before are not followed again."""
    seen = set()
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            status = os.stat(folder or ".")
        except OSError as error:
            raise _unlistable(folder, error) from error
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        folders, files = _list(folder)
        yield folder, files
        waiting.extend(reversed(folders))


def _list(folder: str) -> tuple[list[str], list[str]]:
    """The visible folders in a folder, and what else is visible in it, by name."""
    folders, files = [], []
    try:
        with os.scandir(folder or ".") as entries:
            for entry in sorted(entries, key=lambda entry: os.fsencode(entry.name)):
                if entry.name.startswith(HIDDEN):
                    continue
                path = os.path.join(folder, entry.name)
                if os.path.isdir(path):  # not entry.is_dir(), which raises for a link to itself
                    folders.append(path)
                else:
                    files.append(path)
    except OSError as error:
        raise _unlistable(folder, error) from error
    return folders, files


def _unlistable(folder: str, error: OSError) -> errors.UsageError:
    return errors.UsageError(f"the folder {shown(folder)} cannot be listed ({error.strerror}); check its permissions")


def _matches(base: str, segments: list[str]) -> Iterator[str]:
    """What is no folder and the rest of a pattern matches below the folder `base`; "" is the current one."""
    first, rest = segments[0], segments[1:]
    if first == "**":
        while rest and rest[0] == "**":
            rest = rest[1:]
        for folder, files in list(_walk(base)):
            yield from _matches(folder, rest) if rest else files
        return
    if not WILD & set(first):
        names = [os.path.join(base, first)]
    else:
        folders, files = _list(base)
        hidden = [os.path.join(base, name) for name in os.listdir(base or ".")] if first.startswith(".") else []
        names = [n for n in [*folders, *files, *hidden] if fnmatch.fnmatchcase(os.path.basename(n), first)]
    for name in names:
        if os.path.isdir(name):
            if rest:
                yield from _matches(name, rest)
        elif not rest and os.path.lexists(name):
            yield name
