"""`python -m fileintel.api`: the process of the HTTP service. Nothing in it is patched for greenlets."""

import argparse
import logging
import socket
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

import uvicorn

from fileintel.api.addresses import is_loopback
from fileintel.config import Settings, load_settings
from fileintel.errors import EXIT_DONE, EXIT_INTERRUPTED, FileIntelError, ServiceUnavailable, UsageError

GRACE_SECONDS = 5  # for requests under way when the service is stopped; streams end by themselves before
BACKLOG = 1024  # connections that wait to be accepted


class Server(uvicorn.Server):
    """uvicorn, and a word to what waits or streams that the end is near."""

    def __init__(self, config: uvicorn.Config, before_exit: Callable[[], None]) -> None:
        super().__init__(config)
        self._before_exit = before_exit

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._before_exit()
        super().handle_exit(sig, frame)


def main() -> NoReturn:
    """Serve until a signal comes. An error before that is one line on stderr."""
    try:
        options = _options()
        settings = load_settings(_overrides(options.settings))
        serve(settings, options.host or settings.api.host, _port(options, settings), insecure=options.insecure)
    except FileIntelError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    sys.exit(EXIT_DONE)


def serve(settings: Settings, host: str, port: int, *, insecure: bool) -> None:
    """Listen, and answer until a signal comes.

    Raises:
      UsageError: everybody in the network could do everything, and nobody has said that this is meant.
      ServiceUnavailable: the address cannot be had.
    """
    local = is_loopback(host)
    if not settings.api.keys and not local and not insecure:
        raise UsageError(
            f"{host} can be reached from other machines, and there is no key: set api.keys "
            f"(FILEINTEL__API__KEYS), listen on 127.0.0.1, or allow it with --insecure"
        )
    # a second of imports, which a refusal need not wait for
    from fileintel.api.application import create_app
    from fileintel.api.backend import Backend

    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    backend = Backend(settings)
    app = create_app(backend, local_only=local and not settings.api.keys)
    config = uvicorn.Config(
        app, log_config=None, server_header=False, timeout_graceful_shutdown=GRACE_SECONDS, backlog=BACKLOG
    )
    with _listener(host, port) as listener:
        shown = f"[{host}]" if ":" in host else host
        print(f"FileIntel API: http://{shown}:{listener.getsockname()[1]}", file=sys.stderr, flush=True)
        Server(config, backend.stop_waiting).run(sockets=[listener])


def _listener(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        # asyncio (3.11) does so only for sockets that name their protocol; without it each answer waits 40 ms for the
        # caller's delayed acknowledgement
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        raise ServiceUnavailable(f"cannot listen on {host} port {port}: {error.strerror or error}") from error


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fileintel api", description=__doc__)
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    parser.add_argument("--insecure", action="store_true")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    return parser.parse_args()


def _port(options: argparse.Namespace, settings: Settings) -> int:
    return settings.api.port if options.port is None else int(options.port)


def _overrides(assignments: list[str]) -> dict[str, str]:
    pairs = [assignment.partition("=") for assignment in assignments]
    return {key.strip(): value for key, _, value in pairs}


if __name__ == "__main__":
    main()
