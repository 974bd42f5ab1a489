"""Printing of tensors in PyTorch's format, and `set_printoptions`.

The print options are those of the process, not of a thread.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minigrad.arrays import Array
from minigrad.config import get_default_dtype

__all__ = ["get_printoptions", "set_printoptions", "tensor_repr"]


class Options(NamedTuple):
    """The options of `set_printoptions`."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


PROFILES = {"default": Options(), "short": Options(precision=2, edgeitems=2), "full": Options(threshold=math.inf)}
_options = Options()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors are printed, as in PyTorch, for the whole process (all threads).

    None keeps an option, except that `sci_mode=None` chooses scientific notation by the values. `precision` is the number of
    digits after the point; more than `threshold` elements are summarized by `edgeitems` at both ends of each axis; lines
    break before `linewidth`; `profile` is "default", "short" or "full". Raises ValueError for an invalid option.

    >>> import minigrad as mg
    >>> mg.set_printoptions(precision=2)
    >>> mg.tensor([1 / 3, 1e6])
    tensor([3.33e-01, 1.00e+06])
    >>> mg.set_printoptions(profile="default")
    """
    global _options
    if profile is not None and profile not in PROFILES:
        raise ValueError(f"set_printoptions: profile must be one of {', '.join(PROFILES)}, got {profile!r}")
    start = (PROFILES[profile] if profile else _options)._replace(sci_mode=sci_mode)
    given: dict[str, Any] = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    for name, value in given.items():
        if value is not None and not (value >= 0 if name == "threshold" else type(value) is int and value >= 0):
            raise ValueError(f"set_printoptions: {name} must be a number of at least 0, got {value!r}")
    _options = start._replace(**{name: value for name, value in given.items() if value is not None})


def get_printoptions() -> dict[str, Any]:
    """Return the arguments of `set_printoptions` in effect, as a dict.

    >>> import minigrad as mg
    >>> mg.get_printoptions()["precision"]
    4
    """
    return _options._asdict()


def tensor_repr(array: Array, prefix: str, grad_fn: Any, requires_grad: bool) -> str:
    """Return the text of a tensor: its values, then what is not evident from them."""
    words = []
    if array.size == 0:
        if array.ndim != 1:
            words.append(f"size={array.shape}")
        if array.dtype != get_default_dtype():
            words.append(f"dtype={array.dtype}")
    else:
        if not _options.edgeitems:
            words.append(f"size={array.shape}")
        if array.dtype not in (get_default_dtype(), np.dtype(np.int64), np.dtype(np.bool_)):
            words.append(f"dtype={array.dtype}")
    if grad_fn is not None:
        words.append(f"grad_fn={grad_fn!r}")
    elif requires_grad:
        words.append("requires_grad=True")
    indent = len(prefix) + 1
    text = f"{prefix}({_values(array, indent)}"
    column = len(text) - text.rfind("\n") + 1
    for word in words:
        if column + len(word) + 2 > _options.linewidth:
            text += ",\n" + " " * indent + word
            column = indent + len(word)
        else:
            text += ", " + word
            column += len(word) + 2
    return text + ")"


def _values(array: Array, indent: int) -> str:
    if array.size == 0:
        return "[]"
    summarize = array.size > _options.threshold
    if summarize and array.ndim and not _options.edgeitems:
        return "[...]"
    return _nested(array, indent, summarize, *_formatter(_ends(array) if summarize else array))


def _nested(array: Array, indent: int, summarize: bool, show: Callable[[Any], str], width: int) -> str:
    if array.ndim == 0:
        return show(array.item())
    edge = _options.edgeitems
    cut = summarize and len(array) > 2 * edge
    if array.ndim == 1:
        items = [show(v) for v in array[:edge].tolist()] + [" ..."] if cut else []
        items += [show(v) for v in (array[-edge:] if cut else array).tolist()]
        per_line = max(1, (_options.linewidth - indent) // (width + 2))
        lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    rows = [*range(edge), None, *range(len(array) - edge, len(array))] if cut else range(len(array))
    parts = ["..." if i is None else _nested(array[i], indent + 1, summarize, show, width) for i in rows]
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(parts) + "]"


def _formatter(array: Array) -> tuple[Callable[[Any], str], int]:
    """Return a function that formats each of these values by PyTorch's rules, and their common width."""
    if array.dtype.kind != "f":
        width = max(len(str(v)) for v in array.ravel().tolist())
        return lambda value: str(value).rjust(width), width
    finite = array[np.isfinite(array) & (array != 0)].astype(np.float64)
    whole, scientific = bool((finite == np.ceil(finite)).all()), False
    if finite.size:
        sizes = np.abs(finite)
        scientific = bool(sizes.max() / sizes.min() > 1000 or sizes.max() > 1e8 or sizes.min() < 1e-4)
        scientific = scientific if _options.sci_mode is None else _options.sci_mode
    code = f".{_options.precision}e" if scientific else ".0f" if whole else f".{_options.precision}f"
    point = "." if whole and not scientific else ""  # a whole float has a point and nothing behind it
    width = max((len(f"{v:{code}}{point}") for v in finite.tolist()), default=1)
    return lambda value: f"{value:{code}}{point if math.isfinite(value) else ''}".rjust(width), width


def _ends(array: Array) -> Array:
    """Return the elements that a summary shows."""
    edge = _options.edgeitems
    for axis in range(array.ndim):
        if array.shape[axis] > 2 * edge:
            array = np.take(array, [*range(edge), *range(-edge, 0)], axis)
    return array
