"""NumPy's functions for tensors and arrays, and nothing of its own: ``import minigrad.numpy as np``.

A name is NumPy's own object, and tensors find their way in by its protocols, with two exceptions. Functions, and `array`,
`r_` and `c_`, take lists that hold tensors as well, which NumPy would read before any protocol could; and `full` takes a
tensor as the value. Whatever is made of numbers alone is NumPy's array, float64 by default.

    >>> import minigrad as mg
    >>> import minigrad.numpy as np
    >>> t = mg.tensor(2.0, dtype=mg.float64, requires_grad=True)
    >>> np.array([[t, 1.0], [0.0, t * t]])
    tensor([[2., 1.],
            [0., 4.]], dtype=float64, grad_fn=<Reshape>)
    >>> np.zeros(2), np.linalg.det(np.eye(2))
    (array([0., 0.]), np.float64(1.0))
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, ValuesView
from typing import Any

import numpy as np

from minigrad import ops
from minigrad.tensors.tensor import Tensor

__all__ = [name for name in np.__all__ if name != "fft"]

# These take sequences of arrays, and look for tensors among them.
OF_ARRAYS = {"column_stack", "concatenate", "dstack", "hstack", "select", "stack", "vstack"}


def array(object: Any, dtype: Any = None, **options: Any) -> Any:
    """Return np.array(object), or a new tensor if the object is one, or nested lists that hold some."""
    if not _holds(object):
        return np.array(object, dtype, **options)
    if ndmin := options.pop("ndmin", 0):
        found = array(object, dtype, **options)
        return ops.reshape(found, (1,) * (ndmin - found.ndim) + found.shape)
    if wrong := options.keys() - {"copy", "order", "subok"}:
        raise TypeError(f"array: option {', '.join(sorted(wrong))} is not supported on tensors")
    found = object.clone() if isinstance(object, Tensor) else ops.stack([_part(part) for part in object])
    return found if dtype is None else found.astype(dtype)


def asarray(a: Any, dtype: Any = None, **options: Any) -> Any:
    """Return np.asarray(a); a tensor as it is, and lists that hold tensors as one tensor."""
    if isinstance(a, Tensor):
        return a if dtype is None else a.astype(dtype)
    return array(a, dtype, **options) if _holds(a) else np.asarray(a, dtype, **options)


def full(shape: Any, fill_value: Any, dtype: Any = None, **options: Any) -> Any:
    """Return np.full(shape, fill_value), or a tensor for a tensor."""
    if not _holds(fill_value):
        return np.full(shape, fill_value, dtype, **options)
    return ops.broadcast_to(array(fill_value, dtype), (shape,) if np.ndim(shape) == 0 else tuple(shape))


class _Joining:
    """np.r_ or np.c_, which join what stands in their brackets."""

    def __init__(self, numpy: Any, axis: int, least: Callable[[Any], Any]):
        self.numpy, self.axis, self.least = numpy, axis, least

    def __getitem__(self, parts: Any) -> Any:
        parts = parts if isinstance(parts, tuple) else (parts,)
        if not _holds(parts):
            return self.numpy[parts]
        if any(isinstance(part, str) for part in parts):
            raise TypeError("r_: instructions as text are not supported on tensors\n  hint: np.concatenate(..., axis)")
        return ops.concatenate([self.least(np.r_[p] if isinstance(p, slice) else asarray(p)) for p in parts], self.axis)


r_ = _Joining(np.r_, 0, np.atleast_1d)
c_ = _Joining(np.c_, -1, lambda a: ops.reshape(a, (-1, 1)) if np.ndim(a) < 2 else a)


@functools.cache  # and not in the globals, where np.any would hide the any that this module calls
def __getattr__(name: str) -> Any:
    if name == "fft":
        raise AttributeError(
            "minigrad.numpy has no fft: complex numbers are outside of minigrad\n"
            "  hint: numpy.fft itself takes arrays; of tensors, sum real products with cosines and sines"
        )
    found = getattr(np, name)
    takes_lists = isinstance(found, type(np.sum)) and name != "block"  # into whose nested lists NumPy looks
    return _with_lists(found) if takes_lists else found


def _with_lists(function: Any) -> Any:
    """Return a function of NumPy that takes lists of tensors where it takes arrays."""

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        return function(*map(convert, args), **{key: convert(value) for key, value in options.items()})

    def convert(arg: Any) -> Any:
        if isinstance(arg, Iterator | ValuesView) and function.__name__ in OF_ARRAYS:
            arg = list(arg)
        if not isinstance(arg, list | tuple) or not _holds(arg):
            return arg
        return [asarray(part) for part in arg] if function.__name__ in OF_ARRAYS else array(arg)

    return call


def _holds(value: Any) -> bool:
    """Return whether a value is a tensor, or lists of values of which one is."""
    return isinstance(value, Tensor) or (isinstance(value, list | tuple) and any(map(_holds, value)))


def _part(part: Any) -> Any:
    """Return an element of a list as something that `stack` takes; numbers stay weak in the dtype."""
    if isinstance(part, Tensor | int | float):
        return part
    return array(part)
