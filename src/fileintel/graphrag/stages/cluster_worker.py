"""The child process that clusters a large graph: `python -m fileintel.graphrag.stages.cluster_worker PARENT`.

A graph comes in on its standard input, its communities go out on its standard output (`cluster_wire`). It never runs
under gevent, holds no secrets, and dies with its parent.
"""

import os
import signal
import sys
import threading
import time

from fileintel.graphrag.stages.cluster_wire import pack_communities, read_graph
from fileintel.graphrag.stages.leiden import divided

PARENT_CHECK_INTERVAL = 1.0  # seconds


def main() -> None:
    """Divide one graph."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the parent's business
    threading.Thread(target=_die_with, args=(int(sys.argv[1]),), daemon=True).start()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not break the protocol
    graph, options = read_graph(sys.stdin.buffer)
    for piece in pack_communities(divided(graph, options)):
        answers.write(piece)
    answers.close()


def _die_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_INTERVAL)
    os._exit(1)


if __name__ == "__main__":
    main()
