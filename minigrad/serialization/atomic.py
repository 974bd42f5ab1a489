"""Atomic file writes: a file is whole, or as it was before."""

from __future__ import annotations

import hashlib
import io
import os
import re
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

try:
    import fcntl
except ImportError:  # Windows: files cannot be locked this way, and leftovers of killed processes stay
    fcntl = None  # type: ignore[assignment,unused-ignore]

__all__ = ["write_atomically", "write_whole"]

LONGEST = 200  # bytes of the target's name that a temporary name repeats: most file systems allow 255 in all


def write_atomically(path: str | os.PathLike[str], write: Callable[[IO[bytes]], Any]) -> None:
    """Write a file atomically: call `write` on a temporary file, flush it to disk, then rename it to `path`.

    Several threads and processes may write to one path at once; the last to finish wins. Temporary files that killed
    processes left beside `path` are removed. If `path` is a symbolic link, its target is replaced; an existing file keeps
    its permissions and owner. Raises OSError for a folder that does not exist, and for a path that is a folder or a device.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "log.txt"
    ...     write_atomically(path, lambda file: file.write(b"done"))
    ...     path.read_text()
    'done'
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {str(target.parent)!r}")
    try:
        before: os.stat_result | None = target.stat()
    except FileNotFoundError:
        before = None
    if before is not None and not stat.S_ISREG(before.st_mode):
        if stat.S_ISDIR(before.st_mode):
            raise IsADirectoryError(f"{path} is a folder")
        raise OSError(f"{path} is not a regular file")
    _remove_leftovers(target)
    temporary, descriptor = _create(target, 0o666 if before is None else stat.S_IMODE(before.st_mode))
    try:
        with open(descriptor, "wb") as file:
            if before is not None:
                with suppress(OSError, AttributeError):  # only the superuser may change the owner
                    os.fchown(descriptor, before.st_uid, before.st_gid)
                temporary.chmod(stat.S_IMODE(before.st_mode))
            write(file)
            file.flush()
            os.fsync(descriptor)
            if fcntl is not None:  # while it is locked, so that it is not taken for a leftover
                os.replace(temporary, target)
        if fcntl is None:  # Windows cannot rename an open file
            os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_whole(path: str | os.PathLike[str] | IO[bytes], write: Callable[[IO[bytes]], Any]) -> None:
    """Write a file atomically, or all at once to an open file, which gets nothing if `write` raises."""
    if isinstance(path, str | os.PathLike):
        write_atomically(path, write)
        return
    whole = io.BytesIO()
    write(whole)
    path.write(whole.getvalue())


def _create(target: Path, mode: int) -> tuple[Path, int]:
    """Create a file beside the target, open and locked; the operating system releases the lock when the process ends."""
    while True:
        temporary = target.with_name(f"{_stem(target)}{os.getpid()}-{secrets.token_hex(4)}.tmp")
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
            descriptor = os.open(temporary, flags, mode)
        except FileExistsError:
            continue
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if not os.fstat(descriptor).st_nlink:  # removed as a leftover before it was locked
                os.close(descriptor)
                continue
        return temporary, descriptor


def _remove_leftovers(target: Path) -> None:
    """Remove the temporary files of this target that no live process holds locked."""
    if fcntl is None:
        return
    stem = _stem(target)
    with suppress(OSError):
        for name in os.listdir(target.parent):
            if name.startswith(stem) and re.fullmatch(r"\d+(-[0-9a-f]{8})?\.tmp", name.removeprefix(stem)):
                with suppress(OSError):
                    _remove_unlocked(target.with_name(name))


def _remove_unlocked(leftover: Path) -> None:
    descriptor = os.open(leftover, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError while its writer lives
            leftover.unlink()
    finally:
        os.close(descriptor)


def _stem(target: Path) -> str:
    """Return the prefix of the names of the target's temporary files."""
    name = target.name
    if len(os.fsencode(name)) > LONGEST:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:32]
    return f".{name}."
