"""Programs that outlive the process that starts them."""

import os
import subprocess
from collections.abc import Sequence
from typing import IO

SPAWN_LIMIT = 30.0  # seconds; it is a fork and an exec

# The shell ends at once, so the program becomes a child of init: no zombie stays with a process of ours, and
# nothing ties it to the terminal. Its process id is the last word of the shell.
_LAUNCH = 'exec "$@" 1>&2 & echo $!'


def clean_environment() -> dict[str, str]:
    """Return an environment for programs that this one starts, without PG… settings and API keys."""
    kept = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    return {"PATH": os.defpath, **found, "LC_ALL": "C"}


def start_detached(
    command: Sequence[str],
    *,
    output: IO[bytes] | int = subprocess.DEVNULL,
    pass_fds: Sequence[int] = (),
    user: int | None = None,
    group: int | None = None,
) -> int:
    """Start `command` in a session of its own and return its process id; it is not a child of ours.

    What it prints goes to `output`. Of our descriptors it inherits `pass_fds` and nothing else.

    Raises: OSError when it cannot be started.
    """
    result = subprocess.run(
        ["/bin/sh", "-c", _LAUNCH, "sh", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=output,
        pass_fds=tuple(pass_fds),
        start_new_session=True,
        user=user,
        group=group,
        extra_groups=None if user is None else [],
        cwd="/",  # no folder is held by it, and every user may be there
        env=clean_environment(),
        timeout=SPAWN_LIMIT,
        check=True,
    )
    return int(result.stdout)
