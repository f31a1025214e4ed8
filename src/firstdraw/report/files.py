"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from firstdraw.errors import FirstdrawError, OutputError

__all__ = ["check_writable", "whole_file", "write_whole"]


def check_writable(path: Path) -> None:
    """Refuse a path that cannot be written, before any work is done for it; nothing is left behind.

    Raises:
        OutputError: if the path is a folder, or its folder does not exist or refuses new files.
    """
    if path.is_dir():
        raise OutputError(str(path), "it is a folder; name a file in it")
    # Replacing a device or a pipe by a file would break it for everybody.
    if path.exists() and not path.is_file():
        raise OutputError(str(path), "it is no ordinary file")
    if not path.parent.is_dir():
        raise OutputError(str(path), f"its folder {path.parent} does not exist")
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}."):
            pass
    except OSError as error:
        raise OutputError(str(path), _reason(error)) from None
    if path.exists() and not os.access(path, os.W_OK):
        raise OutputError(str(path), "it exists and is read-only")


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file through a temporary one beside it, so that no failure leaves half of it; text as UTF-8.

    Raises:
        OutputError: if it cannot be written; what stood there before still does.
    """
    with whole_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def whole_file(path: Path) -> Generator[IO[bytes]]:
    """Give a file to write that takes its name when the block ends well, and else leaves nothing.

    Raises:
        OutputError: if it cannot be written; what stood there before still does.
    """
    temporary: Path | None = None
    # What a link leads to is replaced, not the link.
    path = path.resolve()
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            yield file
            file.flush()
            os.fsync(file.fileno())
        # A temporary file is private; the result gets the permissions that a newly made file would have.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        temporary = None
        _sync_folder(path.parent)
    except FirstdrawError:
        raise
    except OSError as error:
        raise OutputError(str(path), _reason(error)) from None
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
