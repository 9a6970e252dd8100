"""The child process that clusters a large graph: `python -m fileintel.graphrag.stages.cluster_worker PARENT`.

A graph comes in on its standard input, its communities go out on its standard output (`cluster_wire`). It never runs
under gevent, holds no secrets, and dies with its parent.
"""

import os
import signal
import sys

from fileintel.child_processes import exit_with_parent
from fileintel.graphrag.stages.cluster_wire import pack_communities, read_graph
from fileintel.graphrag.stages.leiden import divided


def main() -> None:
    """Divide one graph."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the parent's business
    exit_with_parent(int(sys.argv[1]))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not break the protocol
    graph, options = read_graph(sys.stdin.buffer)
    for piece in pack_communities(divided(graph, options)):
        answers.write(piece)
    answers.close()


if __name__ == "__main__":
    main()
