"""The processes of a running service, with the memory that they take. Linux only: it reads /proc."""

import contextlib
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fileintel.local import keeper
from fileintel.local.program import State
from fileintel.local.service_state import ServiceState


@dataclass(frozen=True)
class ProcessRow:
    """One program of the service, with all processes that it has started.

    Parameters:
      since: when it got into this state, in UTC; None where it was not noted.
      memory_bytes: 0 while it does not run.
    """

    name: str
    pid: int | None
    state: str
    since: str | None
    restarts: int
    memory_bytes: int


def process_rows(home: Path, state: ServiceState) -> list[ProcessRow]:
    """Return the supervisor, the embedded PostgreSQL if there is one, and the programs."""
    children = children_by_parent()
    others = {each.pid for each in state.processes if each.pid is not None}
    own = memory_of(state.pid, children, without=others)
    rows = [ProcessRow("supervisor", state.pid, State.READY, state.since, 0, own)]
    if state.embedded_postgres:
        rows.append(_postgres_row(home, state, children))
    for each in state.processes:
        memory = memory_of(each.pid, children) if each.pid is not None else 0
        rows.append(ProcessRow(each.name, each.pid, each.state, each.since, each.restarts, memory))
    return rows


def postgres_pid(home: Path) -> int | None:
    """Return the process id of the embedded PostgreSQL of a home; None while it does not run."""
    return keeper.server_pid(str(home / "postgres"))


def _postgres_row(home: Path, state: ServiceState, children: Mapping[int, Sequence[int]]) -> ProcessRow:
    server, since = postgres_pid(home), None
    if server is not None:
        lines = keeper.pid_file_lines(str(home / "postgres"))
        if len(lines) > keeper.START_LINE and lines[keeper.START_LINE].strip().isdigit():
            since = datetime.fromtimestamp(int(lines[keeper.START_LINE]), UTC).isoformat(timespec="milliseconds")
    memory = memory_of(server, children) if server is not None else 0
    name = State.READY if server else State.ENDED
    return ProcessRow("postgres", server, name, since, state.postgres_restarts, memory)


def memory_of(pid: int, children: Mapping[int, Sequence[int]], without: Collection[int] = ()) -> int:
    """Bytes that a process and its descendants occupy. Pages that processes share are divided between them.

    Parameters:
      children: by parent, see `children_by_parent`.
      without: process ids of descendants that do not count, nor does what is below them.
    """
    below = [child for child in children.get(pid, ()) if child not in without]
    return _memory(pid) + sum(memory_of(child, children, without) for child in below)


def children_by_parent() -> dict[int, list[int]]:
    """Return the process ids of all processes of the machine, by that of their parent."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                parent = int(file.read().rpartition(b")")[2].split()[1])
                children.setdefault(parent, []).append(int(name))
    return children


def _memory(pid: int) -> int:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    with contextlib.suppress(OSError), open(f"/proc/{pid}/statm") as file:  # another user's, or an old kernel
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0
