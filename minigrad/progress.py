"""Progress of long computations: messages, and a bar where there is a terminal to draw it on."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TextIO

__all__ = ["progress", "say"]


def progress(title: str, total: int | None, unit: str, initial: int = 0, scale: bool = False) -> AbstractContextManager[Any]:
    """tqdm's bar, on a terminal where tqdm is installed; else a context that gives None."""
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
    """Print a line, unless the stream is missing, closed or full: no computation ends because nobody listens to it.

    What the stream's encoding lacks is written as an escape. (`print` writes to stdout where `file` is None.)
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
