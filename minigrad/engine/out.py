"""`out=`: the tensor that takes the result of an operation, as in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.arrays import Traced, array_of
from minigrad.engine.grad_mode import is_grad_enabled
from minigrad.engine.promotion import CATEGORY
from minigrad.errors import DTypeError, GraphError, warn

__all__ = ["call_into"]


def call_into(op: Callable[..., Any], name: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Call an operation with the other options, replace the value of the tensor ``options["out"]`` by the result; return it.

    For several results `out` is a tuple of as many tensors. A tensor keeps its dtype, which must be of the category of the
    result (booleans < integers < floats) or a higher one, and takes the shape of the result, with a warning unless it had
    that shape or no elements. Raises TypeError for anything but tensors, DTypeError for a lower category, GraphError if an
    input or `out` requires a gradient, except under `no_grad`; nothing has changed then.
    """
    out = options["out"]
    result = op(*args, **{key: value for key, value in options.items() if key != "out"})
    if out is None:
        return result
    several = isinstance(result, tuple)
    results, outs = (result, out) if several else ((result,), (out,))
    if not isinstance(outs, tuple | list) or len(outs) != len(results) or not all(isinstance(o, Traced) for o in outs):
        wanted = f"a tuple of {len(results)} tensors" if several else "a tensor"
        raise TypeError(f"{name}: out must be {wanted}, got {type(out).__name__}")
    arrays = [_converted(name, o, r) for o, r in zip(outs, results, strict=True)]
    for o, array in zip(outs, arrays, strict=True):
        if o.array.size and o.array.shape != array.shape:
            warn(f"{name}: out was resized from {o.array.shape} to {array.shape}\n  hint: give empty(0), or that shape")
        if o.array.shape == array.shape:
            o.replace_with(o.from_array(array), name)
        else:
            o.replace_array(array)
    return type(result)(*outs) if hasattr(result, "_fields") else tuple(outs) if several else out


def _converted(name: str, out: Traced, result: Any) -> Any:
    """Return the result in the dtype of `out`, or raise."""
    if is_grad_enabled() and (out.node is not None or getattr(result, "node", None) is not None):
        raise GraphError(
            f"{name}: out= records nothing, and {'out' if out.node is not None else 'an input'} requires a gradient\n"
            "  hint: leave out=, or use no_grad()"
        )
    array = array_of(result)
    if CATEGORY[array.dtype.kind] > CATEGORY[out.array.dtype.kind]:
        raise DTypeError(f"{name}: the result is of dtype {array.dtype}, and out of {out.array.dtype}, which cannot hold it")
    return np.array(array, out.array.dtype)  # a copy: the result may be an input
