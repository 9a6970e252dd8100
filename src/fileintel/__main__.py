"""The command `fileintel`.

Greenlets run in this process, so patching comes first of all, before anything that could import sockets.
"""

import atexit
import contextlib
import os
import sys
import threading
from typing import NoReturn

from fileintel import runtime

runtime.go_green()


def main() -> None:
    """Run the command line; end the process with one of the documented exit codes."""
    from fileintel.cli.main import run

    try:
        run()
    except SystemExit as end:
        end_process(int(end.code or 0))


def end_process(code: int) -> NoReturn:
    """End this process without taking its thousands of modules apart, which takes Python half a second.

    Threads that are no daemons are waited for, functions that were registered for the exit are called, and what was
    printed is flushed; everything else has to be closed before.
    """
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
