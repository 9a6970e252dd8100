"""Small programs that tests of the checks are made with."""

from pathlib import Path

from tests.architecture.source import Source


def program(root: Path, **texts: str) -> Source:
    """A program of the given modules below `root`; `storage__runs="…"` is `storage/runs.py`."""
    for name, text in texts.items():
        path = (root / "src" / "fileintel" / name.replace("__", "/")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        (path.parent / "__init__.py").touch()
    return Source(root)
