"""`fileintel mcp`"""

import sys

import typer

from fileintel.cli.context import invocation


def mcp(context: typer.Context) -> None:
    """Serve collections to an assistant over stdin and stdout (Model Context Protocol)."""
    from fileintel.mcp.server import Server

    out = sys.stdout
    sys.stdout = sys.stderr  # nothing but messages may get onto stdout
    try:
        with invocation(context).installation() as installation:
            Server(installation).serve(sys.stdin, out)
    finally:
        sys.stdout = out
