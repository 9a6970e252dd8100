"""A supervisor with stand-in programs: `supervised.py <home> <programs as JSON> <stop limit>`.

A program is a mapping with a name, Python code, and perhaps a sign of readiness and a role. It can call
`say(text)`, `wait()` (for its end), `on_term(function)` and `ignore_term()`.
"""

import json
import os
import sys
from pathlib import Path

from fileintel.child_processes import ChildProcesses
from fileintel.errors import FileIntelError
from fileintel.local.console import Console
from fileintel.local.file_lock import FileLock
from fileintel.local.program import Program, Role
from fileintel.local.supervisor import Supervisor

TOOLS = """
import os, signal, subprocess, sys, time
def say(text): print(text, flush=True)
def wait():
    while True: time.sleep(600)
def on_term(function): signal.signal(signal.SIGTERM, lambda *_: function())
def ignore_term(): signal.signal(signal.SIGTERM, signal.SIG_IGN)
say(f"pid {os.getpid()}")
"""


def main() -> int:
    home, programs, stop_limit = Path(sys.argv[1]), json.loads(sys.argv[2]), float(sys.argv[3])
    environment = {**os.environ, "HOME_OF_THIS_TEST": str(home)}
    found = [
        Program(
            name=each["name"],
            command=each.get("command") or [sys.executable, "-I", "-S", "-c", TOOLS + each["code"]],
            environment=environment,
            ready=each.get("ready"),
            role=Role(each.get("role", "service")),
        )
        for each in programs
    ]
    lock = FileLock(home / "lock")
    assert lock.acquire(exclusive=True, limit=0)
    console, processes = Console([program.name for program in found]), ChildProcesses(lock)
    try:
        return Supervisor(
            found,
            console,
            processes,
            on_ready=lambda: console.say(f"all ready, watchdog {processes.watchdog_pid}"),
            stop_limit=stop_limit,
        ).run()
    except FileIntelError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


sys.exit(main())
