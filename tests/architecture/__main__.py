"""`python -m tests.architecture`: print the figures of the house, and with `--show NAME` what was counted."""

import argparse
from pathlib import Path

from tests.architecture import figures
from tests.architecture.recipes import GOALS, recipes
from tests.architecture.source import ROOT, Source

LISTS = {
    "modules imported by exactly one other": figures.imported_by_one,
    "files under 50 lines": figures.small_files,
    "functions over 40 lines": figures.long_functions,
    "imports against the layers": figures.layer_violations,
    "SQL outside of storage": figures.sql_outside_storage,
    "untyped results": figures.untyped_results,
    "untyped results across a layer": figures.untyped_across_layers,
    "vague words": figures.vague_words,
    "import cycles": figures.import_cycles,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, default=ROOT, help="the checkout to count")
    parser.add_argument("--show", choices=LISTS, help="list what was counted under one of the names")
    arguments = parser.parse_args()
    source = Source(arguments.source)
    if arguments.show:
        print(*LISTS[arguments.show](source), sep="\n")
        return
    rows: list[tuple[str, object]] = [
        ("lines of source", figures.lines(source)),
        ("modules", len(source.modules)),
        ("functions", figures.functions(source)),
    ]
    rows += [(name, len(count(source))) for name, count in LISTS.items()]
    for name, value in rows:
        print(f"{name:40} {value:>7}")
    print("source files that a recipe touches, and how many it may:")
    for name, files in recipes().items():
        print(f"  {name:38} {len(files):>7} {GOALS[name]:>3}")


if __name__ == "__main__":
    main()
