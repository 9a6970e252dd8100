"""An export that comes as an archive: the files of a folder, and their rows as JSON in the comment."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

from fileintel.errors import ExportError
from fileintel.graphrag.export import FILES
from fileintel.graphrag.export.folder import export_errors, replaced


def unpack(directory: Path, fetch: Callable[[Path], None]) -> dict[str, int]:
    """Write the files of an archive into `directory`, which is treated as `export_index` does; returns their rows.

    Parameters:
      fetch: writes the archive into the file that it is given.

    Raises:
      ExportError: it cannot be written there, or this is no archive of an export.
    """
    with replaced(directory, FILES) as staging:
        archive = staging / "archive.zip"
        with export_errors(directory):
            fetch(archive)
            try:
                rows = _extract(archive, staging)
            except (zipfile.BadZipFile, ValueError, EOFError) as error:
                raise ExportError(f"what came is no archive of an index ({error}): try again") from error
            archive.unlink()
    return rows


def _extract(archive: Path, staging: Path) -> dict[str, int]:
    with zipfile.ZipFile(archive) as opened:
        rows = {str(name): int(count) for name, count in json.loads(opened.comment).items()}
        for name in opened.namelist():
            if name not in FILES:  # no name from outside becomes a path
                raise ValueError(f"{name!r} is no file of an export")
            opened.extract(name, staging)
    return rows
