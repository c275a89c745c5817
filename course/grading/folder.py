"""The folder of results: one grader at a time, and each file there as a whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from pyemu.errors import MaterialError

__all__ = ["alone", "put"]


@contextlib.contextmanager
def alone(out: Path) -> Iterator[None]:
    """Keep other graders out of a folder of results; it is made if it isn't there.

    The lock is that of the folder itself, so it leaves no file behind, and ends with the process, however
    that ends.

    Raises
    ------
    MaterialError
        Another process grades there, or the folder can't be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        folder = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise cannot_write(out, error) from None
    try:
        with contextlib.suppress(OSError):  # a file system without locks: go on without
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise MaterialError(
                    f"another grader writes to {out}; wait until it has ended, or name another --out."
                ) from None
        yield
    finally:
        os.close(folder)


def put(path: Path, content: str | bytes | None) -> None:
    """Write a file so that it is there as a whole or not at all, or remove that of an earlier batch.

    Raises
    ------
    MaterialError
        It can't be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        if content is None:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(content.encode() if isinstance(content, str) else content)
            part.replace(path)
        except OSError:
            with contextlib.suppress(OSError):  # a full disk has room again
                part.unlink()
            raise
    except OSError as error:
        raise cannot_write(path, error) from None


def cannot_write(path: Path, error: OSError) -> MaterialError:
    """Say that a file of the results can't be written, and that nothing is lost."""
    return MaterialError(
        f"{path} can't be written ({error.strerror}); mend that and run the same command again, which goes "
        "on where it stopped, or name another --out."
    )
