"""Downloads that are resumed after an interruption and verified before they are used."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from minigrad.errors import DatasetFileError
from minigrad.progress import progress, say

__all__ = ["download"]

TIMEOUT = 30  # seconds without a response
TRIES = 5  # per mirror, as long as each receives more of the file
PIECE = 1 << 16  # bytes read at a time


def download(urls: Sequence[str], target: Path, check: Callable[[Path], Any], largest: int) -> None:
    """Download `target` from the first mirror that serves the right file.

    `check` raises DatasetFileError for a wrong file; only a file that passes becomes `target`. A partial download is kept
    beside it and completed the next time. At most `largest` bytes are read. Raises OSError with the response of each mirror.
    """
    from http.client import HTTPException

    target.parent.mkdir(parents=True, exist_ok=True)
    problems = []
    for url in urls:
        say(f"downloading {url}", sys.stderr)
        try:
            _fetch(url, target, check, largest)
            return
        except (OSError, HTTPException, DatasetFileError) as error:
            problems.append(f"{url}: {error or type(error).__name__}")
    raise OSError("\n  ".join(problems))


def _fetch(url: str, target: Path, check: Callable[[Path], Any], largest: int) -> None:
    # Of two concurrent downloads, the one that renames the partial file completes it; the other starts from the beginning.
    waiting = target.with_name(f".{target.name}.{hashlib.sha256(url.encode()).hexdigest()[:8]}.part")
    part = waiting.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    with suppress(FileNotFoundError):
        os.replace(waiting, part)
    try:
        _complete(url, part, check, largest)
        os.replace(part, target)
    finally:
        if part.exists():
            os.replace(part, waiting)


def _complete(url: str, part: Path, check: Callable[[Path], Any], largest: int) -> None:
    """Download the rest of a partial file; retry after a failure as long as each try receives something."""
    from http.client import HTTPException

    for left in reversed(range(TRIES)):
        had = _size(part)
        try:
            _receive(url, part, largest)
            check(part)
        except DatasetFileError:  # nothing of it can be kept; the cause may be in the bytes of an earlier download
            part.unlink(missing_ok=True)
            if not had or not left:
                raise
        except (OSError, HTTPException):
            if _size(part) <= had or not left:
                raise
        else:
            return


def _receive(url: str, part: Path, largest: int) -> None:
    """Append the missing bytes to a partial file, or write it from the beginning if the server ignores the range."""
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    have = _size(part)
    headers = {"User-Agent": "minigrad"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urlopen(Request(url, headers=headers), timeout=TIMEOUT)
    except HTTPError as error:
        error.close()  # it holds the connection
        if error.code == 416 and have:  # no bytes after ours: the file is complete, or wrong
            return
        raise
    with answer:
        resumed = answer.status == 206
        found = answer.headers.get("Content-Range", "")
        if resumed and not found.startswith(f"bytes {have}-"):
            raise DatasetFileError(f"sends {found or 'an unknown range'}, requested bytes from {have}")
        have = have if resumed else 0
        declared = answer.headers.get("Content-Length", "")
        total = have + int(declared) if declared.isdecimal() else None
        if total is not None and total > largest:
            raise DatasetFileError(f"declares {total} bytes, the file has at most {largest}")
        with part.open("ab" if resumed else "wb") as file, progress(part.name[1:], total, "B", have, True) as bar:
            while piece := answer.read(PIECE):
                have += len(piece)
                if have > largest:
                    raise DatasetFileError(f"sends more than {largest} bytes")
                file.write(piece)
                if bar is not None:
                    bar.update(len(piece))
            file.flush()
            os.fsync(file.fileno())
    if total is not None and have < total:
        raise ConnectionError(f"the connection ended after {have} of {total} bytes")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
