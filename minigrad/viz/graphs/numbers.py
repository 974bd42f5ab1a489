"""Numbers, shapes and sizes as text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array

__all__ = ["byte_count", "counted", "number", "option", "px", "scalar", "seconds", "sizes", "spread", "summary"]


def sizes(shape: Sequence[int]) -> str:
    """Return a shape as ``100×30×24×24``; that of a 0-d value as "scalar"."""
    return "×".join(map(str, shape)) if shape else "scalar"


def number(value: Any) -> str:
    """Return a number as text: at most four significant digits, and no NumPy type around them.

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


def spread(values: Sequence[float]) -> str:
    """Return the range of some numbers as ``0.001 … 0.2``; one number if they are written alike.

    >>> spread([0.2, 1e-3]), spread([0.5]), spread([1.0, float("nan")])
    ('0.001 … 0.2', '0.5', '1 … NaN')
    """
    texts = [number(value) for value in sorted(values, key=lambda value: (math.isnan(value), value))]
    return texts[0] if texts[0] == texts[-1] else f"{texts[0]} … {texts[-1]}"


def scalar(value: Any) -> str:
    """Return a constant of a program as text: its value, with ≈ before a float that is rounded.

    >>> scalar(0.1), scalar(1.0), scalar(0.99999), scalar(1 / 3), scalar(np.float32(0.1))
    ('0.1', '1', '0.99999', '≈0.3333', '0.1')
    """
    short = number(value)
    if not isinstance(value, float | np.floating) or not np.isfinite(value) or type(value)(short) == value:
        return short
    whole = str(value)
    return whole if len(whole) <= 10 else f"≈{short}"


def byte_count(count: int) -> str:
    """Return a number of bytes in decimal units.

    >>> byte_count(999), byte_count(12_400_000)
    ('999 B', '12.4 MB')
    """
    if count < 1000:
        return f"{count} B"
    power = 1 if count < 999_950 else 2 if count < 999_950_000 else 3
    return f"{count / 1000**power:.1f} {' kMG'[power]}B"


def px(value: float) -> str:
    """Return a coordinate with at most one decimal, and never as "-0"."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def seconds(time: float) -> str:
    """Return a duration in milliseconds or microseconds.

    >>> seconds(0.0123), seconds(4.2e-6)
    ('12.3 ms', '4.2 µs')
    """
    return f"{time * 1e3:.1f} ms" if time >= 1e-3 else f"{time * 1e6:.1f} µs"


def counted(count: int, noun: str) -> str:
    """Return a number and its noun, in the plural unless the number is 1.

    >>> counted(1, "op"), counted(433890, "parameter")
    ('1 op', '433,890 parameters')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def summary(array: Array) -> str:
    """Return the contents of an array in a few characters: its only number, or its range and how many are not finite."""
    if array.size == 0:
        return "empty"
    if array.dtype.kind not in "fiub":
        return ""
    if array.size == 1:
        return number(array.reshape(-1)[0])
    if array.dtype.kind == "b":
        return f"{np.count_nonzero(array):,} of {array.size:,} true"
    finite = array[np.isfinite(array)]
    parts = []
    if finite.size:
        least, most = number(finite.min()), number(finite.max())
        parts.append(f"all {least}" if least == most else f"{least} … {most}")
    if finite.size < array.size:
        counts = {"NaN": np.count_nonzero(np.isnan(array)), "inf": np.count_nonzero(np.isinf(array))}
        parts += [f"{count:,} {name}" for name, count in counts.items() if count]
    return ", ".join(parts)


def option(name: str, value: Any) -> str:
    """Return an argument that is no edge as ``axis=1``; empty for None and False, and for values without short text.

    So are shape and order, which the result shows, and `rounding` of a convolution, which only refuses some shapes.
    """
    if value is None or value is False or name in ("shape", "order", "rounding"):
        return ""
    text = _short(value)
    return f"{name}={text}" if 0 < len(text) <= 32 else ""


def _short(value: Any) -> str:
    if isinstance(value, bool | int | float | np.generic):
        return scalar(value)
    if isinstance(value, str | np.dtype):
        return str(value)
    if isinstance(value, slice):
        parts = ["" if part is None else str(part) for part in (value.start, value.stop)]
        return ":".join(parts) + ("" if value.step is None else f":{value.step}")
    if value is Ellipsis or value is None:
        return "..." if value is Ellipsis else "None"
    if isinstance(value, tuple | list):
        parts = [_short(part) for part in value]
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})" if all(parts) else ""
    return ""
