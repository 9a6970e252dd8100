"""What commands talk to: one object for all that a person can do, whether the work is done here or by a service.

`installation.do(operation, request)` does a declared operation: `local` calls it in this process, `remote` sends it
over HTTP to a service, which calls the same one. Results and errors are the same, so commands and what they print know
nothing of the difference. What cannot be one request and one answer is a method by hand in `contract`, `local` and
`remote`: uploads, downloads, answers in pieces, and runs that are followed or done here.
"""

from typing import TYPE_CHECKING

from fileintel.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fileintel.config import Settings
    from fileintel.installation.contract import Installation

# what `--set` can change when a service does the work: it has settings of its own for all the rest
_OF_THIS_END = ("client.", "log_level", "home")


def open_installation(settings: "Settings", assigned: "Iterable[str]" = ()) -> "Installation":
    """The installation that the settings lead to. Close it, or use it as a context manager.

    Parameters:
      assigned: keys that `--set` has given.

    Raises:
      UsageError: one of them is a setting of the service.
    """
    if settings.client.url is None:
        from fileintel.installation.local import LocalInstallation

        return LocalInstallation(settings)
    for key in assigned:
        if not key.startswith(_OF_THIS_END):
            raise UsageError(
                f"--set {key}: the service at {settings.client.url} has its own settings; set it there, or unset "
                f"FILEINTEL_API_URL to work without the service"
            )
    from fileintel.installation.remote import RemoteInstallation

    return RemoteInstallation(settings.client)
