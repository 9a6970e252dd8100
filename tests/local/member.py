"""A process that joins the embedded PostgreSQL, says so, and stays until its standard input ends.

Usage: member.py <home> [--green] [--stubborn-child] [--root-mode MODE]
Prints `joined <url>` or `refused <message>`.
"""

import sys

if "--green" in sys.argv:
    from fileintel.runtime import go_green

    go_green()

import argparse
import subprocess
from pathlib import Path

from fileintel.errors import DatabaseUnavailable
from fileintel.local.postgres import EmbeddedPostgres


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("--green", action="store_true")
    parser.add_argument("--stubborn-child", action="store_true", help="start a program that outlives this process")
    parser.add_argument("--root-mode", default="auto")
    arguments = parser.parse_args()
    database = EmbeddedPostgres(arguments.home, root_mode=arguments.root_mode)
    try:
        url = database.join()
    except DatabaseUnavailable as error:
        print("refused", error, flush=True)
        return
    if arguments.stubborn_child:
        child = subprocess.Popen(["sleep", "60"], close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        print("child", child.pid, flush=True)
    print("joined", url, flush=True)
    sys.stdin.read()
    database.leave()


if __name__ == "__main__":
    main()
