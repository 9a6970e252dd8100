"""Clustering in a process of its own, seen from the one that waits for it."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator

from fileintel.documents.load import PASSED_ON, PASSED_ON_PREFIXES
from fileintel.errors import RunFailed
from fileintel.graphrag.stages.cluster_wire import pack_net, read_parts
from fileintel.graphrag.stages.net import Choices, Net, Part

_COMMAND = [sys.executable, "-P", "-m", "fileintel.graphrag.stages.cluster_worker"]


def divided_aside(net: Net, choices: Choices) -> Iterator[Part]:
    """What `cluster.divided` returns, worked out while other greenlets go on.

    Raises:
      RunFailed: the process was killed, most likely because there was not enough memory.
    """
    child = subprocess.Popen(
        [*_COMMAND, str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={k: v for k, v in os.environ.items() if k in PASSED_ON or k.startswith(PASSED_ON_PREFIXES)},
        start_new_session=True,
    )
    try:
        answer, errors = child.communicate(b"".join(pack_net(net, choices)))
    finally:
        if child.poll() is None:  # somebody has ended the waiting
            child.kill()
            child.wait()
    if child.returncode != 0:
        said = errors.decode("utf-8", "replace").strip().rpartition("\n")[2] or "it said nothing"
        raise RunFailed(
            f"stage cluster: the process that divides {len(net.titles):,} entities and {len(net.weights):,} "
            f"relationships ended with code {child.returncode} ({said}): -9 means that memory ran out; "
            f"start the run again with more of it"
        )
    return read_parts(io.BytesIO(answer))
