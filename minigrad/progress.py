"""Progress of long computations: messages, and a progress bar on terminals."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TextIO

__all__ = ["progress", "say"]


def progress(title: str, total: int | None, unit: str, initial: int = 0, scale: bool = False) -> AbstractContextManager[Any]:
    """Return tqdm's progress bar if stderr is a terminal and tqdm is installed, else a context manager for None.

    `total` is the number of units (None: unknown), `initial` the number already done; `scale` abbreviates counts (1.5k, 2M).
    """
    try:
        if sys.stderr is None or not sys.stderr.isatty():
            return nullcontext()
    except ValueError:  # closed
        return nullcontext()
    try:
        from tqdm import tqdm
    except ImportError:
        return nullcontext()
    return tqdm(
        total=total, desc=title, unit=unit, initial=initial, unit_scale=scale, unit_divisor=1024, leave=False,
        dynamic_ncols=True,
    )  # fmt: skip


def say(text: str, stream: TextIO | None) -> None:
    """Print a line; do nothing if the stream is missing, closed or full, so that a lost message ends no computation.

    Characters that the stream's encoding lacks are written as escapes. (`print` itself writes to stdout if `file` is None.)
    """
    if stream is None:
        return
    try:
        try:
            print(text, file=stream, flush=True)
        except UnicodeEncodeError as error:
            print(text.encode(error.encoding, "backslashreplace").decode(error.encoding), file=stream, flush=True)
    except (OSError, ValueError):
        pass
