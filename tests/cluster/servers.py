"""PgBouncer and RabbitMQ for tests: on ports of their own, in a folder of the test, nothing left behind."""

import os
import shutil
import signal
import socket
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy.engine import URL

from fileintel.local.server_identity import find_identity
from tests.api.installation import Process, wait_for
from tests.deployment.compose import services

RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # Debian's /usr/sbin/rabbitmq-server insists on its own user
START_SECONDS = 120.0  # RabbitMQ takes four on idle cores
WAIT_SECONDS = 2  # for a PostgreSQL that is away; 15 in the compose file
OF_THE_IMAGE = ("DB_HOST", "DB_USER", "DB_PASSWORD", "DB_NAME", "AUTH_TYPE", "LISTEN_PORT", "ADMIN_USERS")


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address that nobody uses."""
    with ExitStack() as held:
        sockets = [held.enter_context(closing(socket.create_server(("127.0.0.1", 0)))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


def accepts(port: int) -> bool:
    """Whether somebody listens on a port."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


class PgBouncer:
    """A PgBouncer in transaction mode, with the options of the compose file, in front of an embedded PostgreSQL.

    It runs as whoever runs that PostgreSQL: nobody else may enter the folder of its socket, and it refuses root.
    """

    def __init__(self, folder: Path, database: URL) -> None:
        program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            pytest.skip("pgbouncer is not installed")
        self._program = program
        (self.port,) = free_ports(1)
        self._folder = folder
        server = str(database.query["host"])
        self._database = f"* = host={server} user={database.username}"
        self.url = URL.create(
            "postgresql", database.username, host="127.0.0.1", port=self.port, database=database.database
        ).render_as_string()

    def start(self) -> None:
        given = services()["pgbouncer"]["environment"]
        options = {name.lower(): value for name, value in given.items() if name not in OF_THE_IMAGE}
        options |= {"listen_addr": "127.0.0.1", "listen_port": self.port, "unix_socket_dir": "", "auth_type": "any"}
        options |= {"admin_users": "fileintel", "query_wait_timeout": WAIT_SECONDS}
        lines = [
            "[databases]",
            self._database,
            "[pgbouncer]",
            *(f"{name} = {value}" for name, value in options.items()),
        ]
        configuration = self._folder / "pgbouncer.ini"
        configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")
        identity = find_identity("auto", [Path(self._program), self._folder])
        command = [
            *identity.prefix,
            self._program,
            *(("-u", "fileintel") if identity.switch else ()),
            str(configuration),
        ]
        self._process = Process(command, os.environ, self._folder / "pgbouncer.log")
        wait_for(lambda: accepts(self.port), "the start of PgBouncer")

    def stop(self) -> None:
        self._process.stop(signal.SIGINT)

    def clients(self) -> list[dict[str, Any]]:
        """SHOW CLIENTS of its console."""
        with closing(
            psycopg2.connect(host="127.0.0.1", port=self.port, user="fileintel", dbname="pgbouncer")
        ) as console:
            console.autocommit = True
            with console.cursor() as cursor:
                cursor.execute("SHOW CLIENTS")
                names = [column.name for column in cursor.description or ()]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


class RabbitMQ:
    """A RabbitMQ with its own port mapper, so that it meets no other one of this machine."""

    def __init__(self, folder: Path) -> None:
        mapper = shutil.which("epmd")
        if not RABBITMQ.exists() or mapper is None:
            pytest.skip("rabbitmq-server is not installed")
        self._mapper = mapper
        self._folder = folder / "rabbitmq"
        self._folder.mkdir()
        self._port, self._distribution_port, self._mapper_port = free_ports(3)
        self.url = f"amqp://guest:guest@127.0.0.1:{self._port}//"

    def start(self) -> None:
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._folder),  # for the cookie
            "ERL_EPMD_PORT": str(self._mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "fileintel@localhost",
            "RABBITMQ_MNESIA_BASE": str(self._folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_PID_FILE": str(self._folder / "pid"),
            # nothing of this machine's own RabbitMQ
            "RABBITMQ_CONF_ENV_FILE": str(self._folder / "none"),
            "RABBITMQ_CONFIG_FILE": str(self._folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "none"),
        }
        mapper = [self._mapper, "-port", str(self._mapper_port), "-address", "127.0.0.1"]
        self._mapping = Process(mapper, environment, self._folder / "mapper.log")
        wait_for(lambda: accepts(self._mapper_port), "the start of the port mapper")
        self._serving = Process([str(RABBITMQ)], environment, self._folder / "rabbitmq.log")
        wait_for(lambda: accepts(self._port), "the start of RabbitMQ", START_SECONDS)

    def stop(self) -> None:
        """Kill it, as the other broker is killed: messages must survive that."""
        os.kill(int((self._folder / "pid").read_text()), signal.SIGKILL)
        self._serving.process.wait(START_SECONDS)  # the script that has started it
        self._mapping.stop()
