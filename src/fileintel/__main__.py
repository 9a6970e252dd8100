"""The command `fileintel`.

Greenlets run in this process, so patching comes first of all, before anything that could import sockets.
"""

from fileintel import runtime

runtime.go_green()


def main() -> None:
    """Run the command line; ends the process with one of the documented exit codes."""
    from fileintel.cli.main import run

    try:
        run()
    except SystemExit as end:
        runtime.end_process(int(end.code or 0))


if __name__ == "__main__":
    main()
