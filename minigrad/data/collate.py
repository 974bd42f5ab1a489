"""Collate functions: make one batch of the items that a DataLoader has read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.arrays import array_of
from minigrad.errors import DTypeError, ShapeError
from minigrad.tensors.tensor import Tensor, tensor

__all__ = ["default_collate", "default_convert"]

# The kinds of items of which `default_collate` makes batches; the items of a batch are of one kind.
KINDS: tuple[Any, ...] = (str | bytes, tuple | list, Mapping, int | float | Tensor | np.ndarray | np.generic)
RAGGED = "\n  hint: give all of them one shape, by cropping, resizing or padding, or give a collate_fn that does"


def default_convert(data: Any) -> Any:
    """Return an item with its arrays as tensors, also in tuples, lists and dicts: for ``DataLoader(collate_fn=...)``.

    >>> import numpy as np
    >>> default_convert((np.zeros(1), "a"))
    (tensor([0.], dtype=float64), 'a')
    """
    if isinstance(data, np.ndarray | np.generic):
        return tensor(data)
    if isinstance(data, Mapping):
        return {key: default_convert(value) for key, value in data.items()}
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(default_convert, data))
    return type(data)(map(default_convert, data)) if isinstance(data, tuple | list) else data


def default_collate(batch: Sequence[Any]) -> Any:
    """Make a batch of items: numbers and arrays become a tensor with a new first axis, strings a list.

    Tuples, lists and dicts become tuples and dicts of batches. Raises ShapeError for arrays of different shapes, DTypeError
    for an item of another kind than the first, or of an unsupported type; the message names the item.

    >>> default_collate([(1.0, "a"), (2.0, "b")])
    (tensor([1., 2.]), ['a', 'b'])
    """
    return _collated(list(batch), "")


def _collated(items: list[Any], part: str) -> Any:
    """Return a batch of corresponding parts of items; `part`, such as "[0]", names them in messages."""
    if not items:
        raise ValueError("default_collate: there are no items")
    first = items[0]
    kind = next((types for types in KINDS if isinstance(first, types)), ())
    odd = _first_odd(items, lambda item: isinstance(item, kind), True)
    if odd is not None:
        supported = any(isinstance(items[odd], types) for types in KINDS)
        beside = f", item 0{part} of type {type(first).__name__}" if supported else ""
        raise DTypeError(
            f"default_collate: item {odd}{part} is of type {type(items[odd]).__name__}{beside}; a batch is made of tensors, "
            "arrays, numbers and strings, and of tuples, lists and dicts of these\n"
            "  hint: convert it in the dataset's __getitem__, or give a collate_fn"
        )
    if isinstance(first, str | bytes):
        return items
    if isinstance(first, tuple | list):
        odd = _first_odd(items, len, len(first))
        if odd is not None:
            raise ShapeError(
                f"default_collate: item {odd}{part} is a {type(first).__name__} of length {len(items[odd])}, "
                f"item 0{part} of length {len(first)}{RAGGED}"
            )
        return tuple(_collated([item[j] for item in items], f"{part}[{j}]") for j in range(len(first)))
    if isinstance(first, Mapping):
        odd = _first_odd(items, lambda item: item.keys(), first.keys())
        if odd is not None:
            keys, known = (", ".join(map(repr, item)) for item in (items[odd], first))
            raise ValueError(f"default_collate: item {odd}{part} has the keys {keys}, item 0{part} {known}")
        return {key: _collated([item[key] for item in items], f"{part}[{key!r}]") for key in first}
    if all(isinstance(item, int | float) for item in items):
        return tensor(items)
    arrays = [array_of(item) for item in items]
    odd = _first_odd(arrays, np.shape, arrays[0].shape)
    if odd is not None:
        found, wanted = arrays[odd].shape, arrays[0].shape
        raise ShapeError(f"default_collate: item {odd}{part} has shape {found}, item 0{part} {wanted}{RAGGED}")
    stacked = np.stack(arrays)
    return Tensor.from_array(stacked) if stacked.dtype.kind in "fiub" else tensor(stacked)  # which refuses it


def _first_odd(items: list[Any], of: Callable[[Any], Any], wanted: Any) -> int | None:
    """Return the index of the first item of which a property differs from the wanted one."""
    return next((i for i, item in enumerate(items) if of(item) != wanted), None)
