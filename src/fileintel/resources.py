"""Where the files that come with the program lie: the default settings and the prompts."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """The shipped folder `name` ("config" or "prompts"), from the wheel or from a source tree."""
    in_wheel = PACKAGE / "_data" / name
    return in_wheel if in_wheel.is_dir() else PACKAGE.parents[1] / name
