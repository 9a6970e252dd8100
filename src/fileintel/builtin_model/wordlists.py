"""Word lists: files under `words/`, to be read and added to without Python.

`[name]` begins a list, `#` a remark; words are separated by white space, and their order is kept.
"""

from pathlib import Path

FOLDER = Path(__file__).parent / "words"


def word_lists(file: str) -> dict[str, tuple[str, ...]]:
    """Return the lists of `words/FILE.txt` by their names, in their order."""
    lists: dict[str, list[str]] = {}
    words: list[str] = []
    for line in (FOLDER / f"{file}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            words = lists.setdefault(line.strip("[]"), [])
        elif not line.startswith("#"):
            words += line.split()
    return {name: tuple(words) for name, words in lists.items()}


def word_set(text: str) -> frozenset[str]:
    """Return the words of `text`, for short lists that stand in the code."""
    return frozenset(text.split())
