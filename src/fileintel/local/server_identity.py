"""Who the embedded PostgreSQL runs as: PostgreSQL refuses to run as root.

An ordinary user runs it as itself. For root there are two ways, tried in this order:

1. `namespace`: in a user namespace in which root carries an ordinary number. For the file system the server
   is still root, so nothing changes hands and a home below /root works. Some containers and kernels forbid it.
2. `user`: as the system user `fileintel`, created if missing, who then owns the data folder. That user must be
   able to reach the data folder and the programs. Permissions of folders that are not ours are never changed.
"""

import contextlib
import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fileintel.errors import DatabaseUnavailable
from fileintel.local.detached import clean_environment

RootMode = Literal["auto", "namespace", "user"]

SYSTEM_USER = "fileintel"
CREATE_USER = ("useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent")
CREATIONS = 2  # attempts to create the system user
COMMAND_LIMIT = 30.0  # seconds; these commands take milliseconds
UNREACHABLE = 3  # exit code of the probe when it has met a path that is closed

# Prints the first of the paths that cannot be entered or run.
_PROBE = f'for path do [ -x "$path" ] || {{ printf "%s" "$path"; exit {UNREACHABLE}; }}; done'


@dataclass(frozen=True)
class ServerIdentity:
    """The owner of the server's files, and how to start a program as that owner.

    Parameters:
      uid, gid: owner of the files, as the file system sees it.
      prefix: command that enters the user namespace; empty elsewhere.
      switch: True when a program must be started with `uid` and `gid` instead of our own.
    """

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()
    switch: bool = False

    @property
    def user(self) -> int | None:
        """The uid to switch to, for subprocess; None to stay what we are."""
        return self.uid if self.switch else None

    @property
    def group(self) -> int | None:
        """The gid to switch to, for subprocess; None to stay what we are."""
        return self.gid if self.switch else None

    def run(self, command: Sequence[str], limit: float = COMMAND_LIMIT) -> "subprocess.CompletedProcess[str]":
        """Run `command` as this identity and collect what it prints.

        Raises: OSError when it cannot be started, subprocess.TimeoutExpired.
        """
        return subprocess.run(
            [*self.prefix, *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            start_new_session=True,
            user=self.user,
            group=self.group,
            extra_groups=[] if self.switch else None,
            cwd="/",
            env=clean_environment(),
            timeout=limit,
            check=False,
        )


def find_identity(root_mode: RootMode, places: Sequence[Path]) -> ServerIdentity:
    """Who can run the server and reach all of `places`.

    Parameters:
      root_mode: which way root takes; `auto` tries the namespace first. Other users have no choice to make.
      places: the programs and folders that the server needs.

    Raises: DatabaseUnavailable, with what is in the way and what to do about it.
    """
    if os.geteuid() != 0:
        return ServerIdentity(os.geteuid(), os.getegid())
    obstacles: list[str] = []
    candidates = {"namespace": _in_namespace, "user": _as_system_user}
    for name, candidate in candidates.items():
        if root_mode not in ("auto", name):
            continue
        identity, obstacle = candidate()
        if identity is not None:
            obstacle = _obstacle(identity, places, name)
            if obstacle is None:
                return identity
        obstacles.append(str(obstacle))
    raise DatabaseUnavailable(
        f"PostgreSQL does not run as root, and {' and '.join(obstacles)}: run fileintel as an ordinary user, "
        f"or set FILEINTEL_HOME to a folder that {SYSTEM_USER!r} can enter, or DATABASE_URL to your own PostgreSQL"
    )


def _in_namespace() -> tuple[ServerIdentity | None, str | None]:
    # initdb asks for the name of its user, so the number must be one that has a name
    others = sorted(
        (entry for entry in pwd.getpwall() if entry.pw_uid != 0), key=lambda entry: entry.pw_name != "nobody"
    )
    if not others:
        return None, "there is no other user to appear as in a user namespace"
    inside = others[0]
    prefix = ("unshare", "--user", f"--map-user={inside.pw_uid}", f"--map-group={inside.pw_gid}", "--")
    return ServerIdentity(0, 0, prefix), None


def _as_system_user() -> tuple[ServerIdentity | None, str | None]:
    for creations in range(1 + CREATIONS):
        if creations:
            _create_system_user()
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(SYSTEM_USER)
            return ServerIdentity(entry.pw_uid, entry.pw_gid, switch=True), None
    return None, f"the user {SYSTEM_USER!r} does not exist and cannot be created"


def _create_system_user() -> None:
    """Try it. It fails when another process is just creating the same user, and then there will be one as well."""
    command = [*CREATE_USER, "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(command, capture_output=True, timeout=COMMAND_LIMIT, check=False)


def _obstacle(identity: ServerIdentity, places: Sequence[Path], mode: str) -> str | None:
    """Return what keeps this identity from reaching the places; None when nothing does."""
    steps = dict.fromkeys(step for place in places for step in [*reversed(place.parents), place])
    try:
        probe = identity.run(["/bin/sh", "-c", _PROBE, "sh", *map(str, steps)])
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{mode} mode cannot be used ({error})"
    if probe.returncode == UNREACHABLE:
        who = f"the user {SYSTEM_USER!r}" if identity.switch else "root in a user namespace"
        return f"{who} cannot reach {probe.stdout}"
    if probe.returncode != 0:
        return "user namespaces are not allowed here" if identity.prefix else f"{SYSTEM_USER!r} cannot run programs"
    return None
