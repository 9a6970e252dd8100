"""Starting a service in the background, and stopping one."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from fileintel.child_processes import has_ended
from fileintel.errors import ConflictError
from fileintel.local.service import Options, command
from fileintel.local.service_state import LOG, ServiceState, is_free, read_state, running_service
from fileintel.local.supervisor import FOUNDATION_STOP_LIMIT, STOP_LIMIT, ServiceFailed

READY_LIMIT = 300.0  # seconds; some, unless PostgreSQL recovers from a crash or the machine is very slow
LOCK_LIMIT = STOP_LIMIT + 6 * FOUNDATION_STOP_LIMIT  # seconds until a service that was told to stop has to be gone
PATIENCE = 8.0  # seconds; an idle service takes three
POLL_INTERVAL = 0.05  # seconds


def start_in_background(options: Options, environment: Mapping[str, str]) -> ServiceState:
    """Start the service in a session of its own, and return when it is ready.

    Interrupted while it waits, it stops the service again.

    Raises: ServiceFailed with the service's own reason; OSError for a log that cannot be written.
    """
    log = options.home / LOG
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # models, file names and errors are in it
    with log.open("ab") as output:
        log_start = output.tell()
        process = subprocess.Popen(
            command(options),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd="/",
            env=dict(environment),
        )
    try:
        return _wait_until_ready(process, options.home, log, log_start)
    except BaseException:
        process.terminate()
        has_ended(process, LOCK_LIMIT)
        raise


def _wait_until_ready(process: "subprocess.Popen[bytes]", home: Path, log: Path, log_start: int) -> ServiceState:
    give_up = time.monotonic() + READY_LIMIT
    while True:
        ended = process.poll()
        state = read_state(home)
        if state is not None and state.pid == process.pid and state.ready:
            return state
        if ended is not None:
            raise ServiceFailed(_reason(log, log_start), max(ended, 1))
        if time.monotonic() > give_up:
            raise ServiceFailed(f"the service is not ready after {READY_LIMIT:.0f} s: see {log}")
        time.sleep(POLL_INTERVAL)


def _reason(log: Path, log_start: int) -> str:
    """Return the error that the service has printed as its last words."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(log_start)
        for line in reversed(file.read().decode(errors="replace").splitlines()):
            if line.startswith("error: "):
                return f"{line.removeprefix('error: ')}; see {log}"
    return f"the service has ended: see {log}"


def stop(home: Path, *, now: bool, say: Callable[[str], object]) -> ServiceState | None:
    """Stop the service of `home` and wait until nothing of it is left. Returns what it was; None when none ran.

    Parameters:
      now: do not let running tasks finish.
      say: told once what is waited for, when it takes long.

    Raises: ConflictError when it does not stop; PermissionError when it is another user's.
    """
    state = running_service(home)
    if state is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(state.pid, signal.SIGQUIT if now else signal.SIGTERM)
    started = time.monotonic()
    told = False
    while not is_free(home):
        waited = time.monotonic() - started
        if waited > LOCK_LIMIT:
            raise ConflictError(f"the service in {home} does not stop: see `fileintel ps`")
        if not told and waited > PATIENCE:
            told = True
            say(f"waiting for {_names(home)}; `fileintel down --now` does not")
        time.sleep(POLL_INTERVAL)
    return state


def _names(home: Path) -> str:
    state = read_state(home)
    left = [each.name for each in state.processes if each.pid is not None] if state else []
    return ", ".join(left) or "its end"
