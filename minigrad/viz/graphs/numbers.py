"""Numbers and sizes as a picture prints them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array

__all__ = ["byte_count", "counted", "number", "option", "seconds", "sizes", "summary"]


def sizes(shape: Sequence[int]) -> str:
    """``100×30×24×24``; of a 0-d value "scalar"."""
    return "×".join(map(str, shape)) if shape else "scalar"


def number(value: Any) -> str:
    """Four significant digits, no longer than they need be, and no NumPy type around them.

    >>> number(2.302585), number(0.0002818), number(1.5e-9), number(3), number(float("nan"))
    ('2.303', '2.818e-4', '1.5e-9', '3', 'NaN')
    """
    value = value.item() if isinstance(value, np.generic | np.ndarray) else value
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return "NaN"
    text = f"{value:.4g}" if abs(value) >= 1e-3 or value == 0 else f"{value:.3e}"
    digits, e, power = text.partition("e")
    return f"{digits.rstrip('0').rstrip('.') if '.' in digits else digits}e{int(power)}" if e else text


def byte_count(count: int) -> str:
    """Bytes in decimal units.

    >>> byte_count(999), byte_count(12_400_000)
    ('999 B', '12.4 MB')
    """
    if count < 1000:
        return f"{count} B"
    for unit in ("kB", "MB", "GB"):
        count_in_unit = count / 1000 ** (1 + ("kB", "MB", "GB").index(unit))
        if count_in_unit < 999.95 or unit == "GB":
            break
    return f"{count_in_unit:.1f} {unit}"


def seconds(time: float) -> str:
    """
    >>> seconds(0.0123), seconds(4.2e-6)
    ('12.3 ms', '4.2 µs')
    """
    return f"{time * 1e3:.1f} ms" if time >= 1e-3 else f"{time * 1e6:.1f} µs"


def counted(count: int, noun: str) -> str:
    """
    >>> counted(1, "op"), counted(433890, "parameter")
    ('1 op', '433,890 parameters')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def summary(array: Array) -> str:
    """What an array holds, in a few characters: a number, or the range of its elements and how many are not finite."""
    if array.size == 0:
        return "empty"
    if array.dtype.kind not in "fiub":
        return ""
    if array.size == 1:
        return number(array.reshape(-1)[0])
    if array.dtype.kind == "b":
        return f"{np.count_nonzero(array):,} of {array.size:,} true"
    finite = np.isfinite(array)
    kept = array[finite]
    text = ""
    if kept.size:
        least, most = number(kept.min()), number(kept.max())
        text = f"all {least}" if least == most else f"{least} … {most}"
    return ", ".join(filter(None, [text, faults(array)]))


def faults(array: Array) -> str:
    """How many elements are NaN or infinite: ``3 NaN, 1 inf``; empty for none."""
    if array.dtype.kind != "f":
        return ""
    nan, inf = int(np.count_nonzero(np.isnan(array))), int(np.count_nonzero(np.isinf(array)))
    return ", ".join(f"{count:,} {name}" for count, name in ((nan, "NaN"), (inf, "inf")) if count)


def option(name: str, value: Any) -> str:
    """An argument that is no edge, as ``axis=1``; empty for what says nothing, and for what has no short name."""
    if value is None or value is False or name in ("shape", "order"):  # the result shows them
        return ""
    text = _plain(value)
    if not text or len(text) > 32:
        return ""
    return f"{name}={text}"


def _plain(value: Any) -> str:
    if isinstance(value, bool | int | float | np.generic):
        return number(value)
    if isinstance(value, str):
        return value
    if isinstance(value, np.dtype):
        return str(value)
    if isinstance(value, slice):
        parts = ["" if part is None else str(part) for part in (value.start, value.stop)]
        return ":".join(parts) + ("" if value.step is None else f":{value.step}")
    if value is Ellipsis:
        return "..."
    if isinstance(value, tuple | list):
        parts = [_plain(part) for part in value]
        return f"({', '.join(parts)})" if all(parts) else ""
    return ""
