"""The keeper: stops the embedded PostgreSQL when its last member has left, however it left.

Run as a script, detached from everything: `python -I -S keeper.py <data folder> <members file> <lock fd>`.
It waits for an exclusive lock on the members file. Every member holds a shared one, which the kernel takes
back even after a `kill -9`, so the lock arrives exactly when no member is left, without any polling. While the
keeper holds it no process can become a member, so it can stop the server undisturbed.

Standard library only, and nothing of this package: it lives as long as the server, and stays small.
The functions that look at the server's processes are here too, because the starting side uses them as well.
Linux only: they read /proc.
"""

import contextlib
import fcntl
import os
import signal
import sys
import time

PID_FILE = "postmaster.pid"
LOG_FILE = os.path.join("log", "server.log")  # inside the data folder
LOG_LIMIT = 4 * 1024 * 1024  # bytes; enough for weeks of a quiet server, and two of them are nothing on a disk
LOG_CHECK_INTERVAL = 600.0  # seconds between two looks at the log's size
FAST_LIMIT = 60.0  # seconds for the shutdown checkpoint; at most 1 GB of WAL is behind it
IMMEDIATE_LIMIT = 10.0  # seconds; the postmaster itself kills what is left after five
POLL_INTERVAL = 0.005  # seconds; a stop takes about 10 ms
START_LINE = 2  # of postmaster.pid, counted from zero: when the server was started, in seconds since 1970
SOCKET_FOLDER_LINE = 4
STATUS_LINE = 7


def pid_file_lines(data: str) -> list[str]:
    """Return the lines of the server's pid file; empty when there is none."""
    try:
        with open(os.path.join(data, PID_FILE), "rb") as file:
            return os.fsdecode(file.read()).splitlines()
    except FileNotFoundError:
        return []


def _works_in(pid: int, data: str) -> bool:
    """True for a PostgreSQL process whose working folder is `data`; never for a zombie or a foreign process.

    The number in a pid file alone says nothing: the process may be a zombie, and the kernel gives numbers
    out again. Every PostgreSQL process changes to its data folder, and a zombie has no folder any more.
    """
    try:
        folder = os.readlink(f"/proc/{pid}/cwd")
        with open(f"/proc/{pid}/comm", "rb") as file:
            return folder in (data, f"{data} (deleted)") and file.read().strip() == b"postgres"
    except OSError:
        return False


def server_pid(data: str) -> int | None:
    """Return the process id of the running postmaster of `data`, or None."""
    lines = pid_file_lines(data)
    if not lines or not lines[0].strip().isdigit():
        return None
    pid = int(lines[0])
    if not _works_in(pid, data):
        return None
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            program = file.read().split(b"\0")[0]
    except OSError:
        return None
    # the postmaster keeps its command line, a backend calls itself "postgres: …"
    return pid if os.path.basename(program) == b"postgres" else None


def processes_of(data: str) -> list[int]:
    """Return all PostgreSQL processes that work in `data`, with or without a postmaster."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _works_in(int(name), data)]


def _gone(data: str, pid: int, limit: float) -> bool:
    """Wait up to `limit` seconds for a process to end."""
    give_up = time.monotonic() + limit
    while _works_in(pid, data):
        if time.monotonic() > give_up:
            return False
        time.sleep(POLL_INTERVAL)
    return True


def end_orphans(data: str) -> None:
    """End what a killed postmaster left behind; a new one refuses to start beside it.

    Only for a folder without a running postmaster. What was committed is in the WAL, so nothing is lost.
    """
    for signal_number, limit in ((signal.SIGQUIT, 1.0), (signal.SIGKILL, IMMEDIATE_LIMIT)):
        orphans = processes_of(data)
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal_number)
        if all(_gone(data, pid, limit) for pid in orphans):
            return


def stop_server(data: str) -> None:
    """Stop the server of `data`: fast, then immediately, then by force. Does nothing when none runs."""
    lines = pid_file_lines(data)
    escalation = ((signal.SIGINT, FAST_LIMIT), (signal.SIGQUIT, IMMEDIATE_LIMIT), (signal.SIGKILL, IMMEDIATE_LIMIT))
    for signal_number, limit in escalation:
        pid = server_pid(data)
        if pid is None:
            break
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal_number)
        if _gone(data, pid, limit):
            break
    end_orphans(data)
    if len(lines) > SOCKET_FOLDER_LINE:
        with contextlib.suppress(OSError):  # it is empty now, and made anew at the next start
            os.rmdir(lines[SOCKET_FOLDER_LINE])


def bound_log(data: str) -> None:
    """Move a log that has grown too large to `server.log.1` and start it again.

    The server appends to an open file, so the file is copied and cut, not renamed.
    """
    path = os.path.join(data, LOG_FILE)
    try:
        if os.path.getsize(path) <= LOG_LIMIT:
            return
        with open(path, "rb+") as log:
            log.seek(-LOG_LIMIT, os.SEEK_END)
            with open(f"{path}.1", "wb") as old:
                old.write(log.read())
            log.truncate(0)
    except OSError:
        return  # a full disk must not end the keeper; the next look may succeed


def _note(data: str, text: str) -> None:
    """Add a line to the server's log: the keeper has no terminal."""
    with contextlib.suppress(OSError), open(os.path.join(data, LOG_FILE), "a") as log:
        log.write(f"keeper [{os.getpid()}]: {text}\n")


def keep(data: str, members_path: str, lock_fd: int) -> None:
    """Wait until there is no member, then stop the server.

    `lock_fd` is a locked descriptor that this process was born with: it tells joining processes that a
    keeper is there. It is given up before the members' lock is, so that a process that becomes a member
    after this knows that it needs a new keeper.
    """
    for signal_number in (signal.SIGINT, signal.SIGHUP):  # a Ctrl-C is for the client, not for its database
        signal.signal(signal_number, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, lambda *_: bound_log(data))
    signal.setitimer(signal.ITIMER_REAL, LOG_CHECK_INTERVAL, LOG_CHECK_INTERVAL)
    os.ftruncate(lock_fd, 0)
    os.write(lock_fd, f"{os.getpid()}\n".encode())
    members = os.open(members_path, os.O_RDWR | os.O_CLOEXEC)
    fcntl.flock(members, fcntl.LOCK_EX)
    try:
        stop_server(data)
    except OSError as error:
        _note(data, f"cannot stop the server: {error}")
    os.ftruncate(lock_fd, 0)
    os.close(lock_fd)
    os.close(members)


if __name__ == "__main__":
    keep(sys.argv[1], sys.argv[2], int(sys.argv[3]))
