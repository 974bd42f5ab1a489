"""A progress bar where there is a terminal to draw it on."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

__all__ = ["progress"]


def progress(title: str, total: int | None, unit: str, initial: int = 0, scale: bool = False) -> AbstractContextManager[Any]:
    """tqdm's bar, on a terminal where tqdm is installed; else a context that gives None."""
    if not sys.stderr.isatty():
        return nullcontext()
    try:
        from tqdm import tqdm
    except ImportError:
        return nullcontext()
    return tqdm(
        total=total, desc=title, unit=unit, initial=initial, unit_scale=scale, unit_divisor=1024, leave=False,
        dynamic_ncols=True,
    )  # fmt: skip
