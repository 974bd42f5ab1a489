"""The structure of a checkpoint as JSON: nested dicts, lists and numbers around arrays, stored without a pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from minigrad.arrays import Array, array_of
from minigrad.errors import WeightsFileError
from minigrad.tensors.tensor import Tensor

__all__ = ["SCALARS", "decode", "encode"]

# A list takes 56 bytes and more, its text 2. A large text written by `encode` has at most one list per 25 characters.
MOST_LISTS, SHORTEST_ITEM = 250_000, 20
ROOT = "tensor"  # the name of a tensor that is saved by itself
SCALARS = (bool, int, float, str, type(None))


def encode(value: Any) -> tuple[dict[str, Array], str | None]:
    """Return the arrays of a nested structure under dotted names, and the structure as text; None for a plain state dict.

    Raises TypeError for anything but dicts, lists, tuples, tensors, arrays, numbers, strings, booleans and None.
    """
    arrays: dict[str, Array] = {}
    tree = _encode(value, "", arrays)
    is_state_dict = isinstance(value, Mapping) and all(
        isinstance(key, str) and isinstance(item, Tensor | np.ndarray) for key, item in value.items()
    )
    return arrays, None if is_state_dict else json.dumps(tree)


def decode(arrays: Mapping[str, Array], text: str | bytes | None) -> Any:
    """Return the structure that `encode` took apart; without a text, a plain state dict of tensors.

    Raises WeightsFileError for a text that `encode` does not write.
    """
    if text is None:
        return {name: Tensor.from_array(array) for name, array in arrays.items()}
    left = dict(arrays)
    try:
        text = text if isinstance(text, str) else text.decode()
        if text.count("[") > MOST_LISTS + len(text) // SHORTEST_ITEM:
            raise ValueError("more lists than its length allows")
        value = _decode(json.loads(text), "", left)
        if left:
            raise ValueError(f"it has no place for the array {next(iter(left))!r}")
    except (ValueError, KeyError, TypeError, RecursionError, MemoryError) as error:
        raise WeightsFileError(f"the structure around the arrays is damaged: {error!r}") from None
    return value


def _encode(value: Any, where: str, arrays: dict[str, Array]) -> Any:
    if isinstance(value, SCALARS):
        return value
    if isinstance(value, Tensor | np.ndarray | np.generic):
        name = where or ROOT
        if name in arrays:
            raise ValueError(f"save: two arrays would be named {name!r}")
        arrays[name] = array_of(value)
        return {"array" if isinstance(value, Tensor) else "ndarray": name}
    inner = f"{where}." if where else ""
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str | int):
                raise TypeError(f"save: a key must be a str or an int, got {key!r} in {where or 'the dict'}")
        return {"dict": [[key, _encode(item, f"{inner}{key}", arrays)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_encode(item, f"{inner}{i}", arrays) for i, item in enumerate(value)]}
    what = f"{where or 'the object'} is of type {type(value).__name__}"
    hint = "\n  hint: save its state_dict()" if hasattr(value, "state_dict") else ""
    raise TypeError(f"save: {what}; only tensors, numbers, strings, dicts and lists are saved{hint}")


def _decode(tree: Any, where: str, arrays: dict[str, Array]) -> Any:
    """Return the value that `_encode` encoded; remove the arrays that it names from `arrays`."""
    if not isinstance(tree, dict):
        if isinstance(tree, list):
            raise ValueError("a bare list")
        return tree
    ((kind, content),) = tree.items()
    if kind in ("array", "ndarray"):
        if content != (where or ROOT):
            raise ValueError(f"at {where!r} it names another array")
        array = arrays.pop(content)
        return Tensor.from_array(array) if kind == "array" else array
    if kind not in ("dict", "list", "tuple") or type(content) is not list:
        raise ValueError("an unknown kind")
    inner = f"{where}." if where else ""
    if kind == "dict":
        found = {}
        for pair in content:
            if type(pair) is not list or len(pair) != 2:
                raise ValueError(f"at {where!r} the content is not a list of pairs of key and value")
            key, item = pair
            if not isinstance(key, str | int) or key in found:
                raise ValueError(f"at {where!r} a key is not a str or int, or occurs twice")
            found[key] = _decode(item, f"{inner}{key}", arrays)
        return found
    items = [_decode(item, f"{inner}{i}", arrays) for i, item in enumerate(content)]
    return items if kind == "list" else tuple(items)
