"""Results: printed as a table, and written into docs/benchmarks.md with `--record`."""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Line:
    """One figure: what was measured, the result, what it is to be, and whether it is (None: nothing was promised)."""

    what: str
    result: str
    target: str = ""
    met: bool | None = None


def at_most(what: str, value: float, limit: float, unit: str = "", digits: int = 2) -> Line:
    """A figure that must not be larger."""
    return Line(what, f"{value:.{digits}f}{unit}", f"≤ {limit:g}{unit}", value <= limit)


def at_least(what: str, value: float, limit: float, unit: str = "", digits: int = 1) -> Line:
    """A figure that must not be smaller."""
    return Line(what, f"{value:.{digits}f}{unit}", f"≥ {limit:g}{unit}", value >= limit)


def told(what: str, value: float, unit: str = "", digits: int = 2) -> Line:
    """A figure for comparison."""
    return Line(what, f"{value:.{digits}f}{unit}")


def arguments(name: str, description: str) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=description)
    parser.add_argument("--record", action="store_true", help="write the result into docs/benchmarks.md")
    return parser


def present(name: str, lines: Sequence[Line], *, record: bool) -> int:
    """Print the results, record them when asked to; the exit code: 1 when a target was missed."""
    width = max(len(line.what) for line in lines)
    for line in lines:
        verdict = "" if line.met is None else ("  met" if line.met else "  MISSED")
        print(f"{line.what:<{width}}  {line.result:>12}  {line.target:>10}{verdict}")
    if record:
        _write(name, _section(lines))
    return 0 if all(line.met is not False for line in lines) else 1


def machine() -> str:
    """The size of this machine, and how busy it was."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    version = ".".join(map(str, sys.version_info[:3]))
    return f"{os.cpu_count()} cores, {pages / 2**30:.0f} GiB, Python {version}, load {os.getloadavg()[0]:.1f}"


def _section(lines: Sequence[Line]) -> str:
    command = " ".join(["python -m", sys.modules["__main__"].__spec__.name, *sys.argv[1:]])
    rows = [f"| {line.what} | {line.result} | {line.target} |" for line in lines]
    when = datetime.now(UTC).date().isoformat()
    return "\n".join(
        [
            f"`{command.removesuffix(' --record')}`, {when}, {machine()}",
            "",
            "| | measured | target |",
            "| --- | --: | --: |",
            *rows,
        ]
    )


def _write(name: str, section: str) -> None:
    begin, end = f"<!-- {name}: written by the benchmark -->", f"<!-- end of {name} -->"
    text = DOCUMENT.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"{DOCUMENT} has no place for {name}: add the lines {begin} and {end}")
    DOCUMENT.write_text(pattern.sub(lambda _: f"{begin}\n{section}\n{end}", text), encoding="utf-8")
