"""A folder's files as one ZIP archive, sent from the disk."""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from uuid import uuid4

from fastapi.responses import StreamingResponse

from fileintel.errors import ExportError

CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True)
class Archive:
    """An archive in a file without a name: it is gone when nobody reads it any more, whatever happens."""

    file: IO[bytes]

    def as_response(self, name: str) -> StreamingResponse:
        """A download of it."""
        length = self.file.seek(0, 2)
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Length": str(length)}
        return StreamingResponse(self._chunks(), media_type="application/zip", headers=headers)

    def _chunks(self) -> Iterator[bytes]:
        self.file.seek(0)
        while chunk := self.file.read(CHUNK_BYTES):
            yield chunk


def of_folder(spool: Path, fill: Callable[[Path], dict[str, int]]) -> Archive:
    """What `fill` writes into a folder, as an archive. The folder, and the archive, are below `spool` meanwhile.
    What `fill` returns, the rows of each file, is the archive's comment.

    Raises:
      ExportError: it cannot be written. Else what `fill` raises. Nothing is left then.
    """
    folder = spool / f"{uuid4()}.part"
    try:
        folder.mkdir(parents=True, mode=0o700)
        rows = fill(folder)
        file = tempfile.TemporaryFile(dir=spool)  # noqa: SIM115  (it is closed when the answer is sent)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                archive.write(path, path.relative_to(folder))
            archive.comment = json.dumps(rows).encode()
        return Archive(file)
    except OSError as error:
        raise ExportError(f"the archive cannot be written in {spool}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
