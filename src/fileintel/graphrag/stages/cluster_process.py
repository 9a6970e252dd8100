"""Clustering in a process of its own, seen from the one that waits for it."""

import os
import signal
import sys
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import BinaryIO

from fileintel.documents.load import PASSED_ON, PASSED_ON_PREFIXES
from fileintel.errors import RunFailed
from fileintel.graphrag.stages.cluster_wire import pack_graph, read_communities
from fileintel.graphrag.stages.leiden import ClusterOptions, NumberedCommunity, NumberedGraph

_COMMAND = [sys.executable, "-P", "-m", "fileintel.graphrag.stages.cluster_worker"]


def divided_aside(graph: NumberedGraph, options: ClusterOptions) -> Iterator[NumberedCommunity]:
    """What `cluster.divided` returns, worked out while other greenlets go on.

    Raises:
      RunFailed: the process was killed, most likely because there was not enough memory.
    """
    with TemporaryFile() as given, TemporaryFile() as found, TemporaryFile() as said:
        given.writelines(pack_graph(graph, options))
        given.seek(0)
        code = _exit_code(_begin(given, found, said))
        if code != 0:
            raise RunFailed(
                f"stage cluster: the process that divides {len(graph.titles):,} entities and {len(graph.weights):,} "
                f"relationships ended with code {code} ({_last_line(said)}): -9 means that memory ran out; "
                f"start the run again with more of it"
            )
        found.seek(0)
        yield from read_communities(found)


def _begin(given: BinaryIO, found: BinaryIO, said: BinaryIO) -> int:
    """The process, begun with these files as its standard ones.

    Not by `subprocess`, which forks under gevent: the kernel would copy the page tables of all that a large run holds,
    and stop at each page that is written to afterwards, tenths of a second in all.
    """
    given.flush()
    return os.posix_spawn(
        _COMMAND[0],
        [*_COMMAND, str(os.getpid())],
        {name: value for name, value in os.environ.items() if name in PASSED_ON or name.startswith(PASSED_ON_PREFIXES)},
        file_actions=[(os.POSIX_SPAWN_DUP2, file.fileno(), at) for at, file in enumerate((given, found, said))],
        setpgroup=0,  # Ctrl-C in a terminal is not for it
    )


def _exit_code(process: int) -> int:
    """As `subprocess` has it; waits for the process, and ends it when the waiting is ended."""
    ended = False
    try:
        _, status = os.waitpid(process, 0)
        ended = True
    finally:
        if not ended:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status)


def _last_line(said: BinaryIO) -> str:
    said.seek(0)
    return said.read().decode("utf-8", "replace").strip().rpartition("\n")[2] or "it said nothing"
