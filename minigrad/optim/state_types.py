"""Compare the types of saved state with those of the state that it replaces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minigrad.tensors.tensor import Tensor

__all__ = ["differences"]

# The types that may replace a value of each type; bool is a subclass of int, and therefore comes first.
REPLACEMENTS: tuple[tuple[Any, Any], ...] = (
    (bool, bool), (int, int), (float, int | float), (str, str), (Mapping, Mapping), (list | tuple, list | tuple),
    (Tensor | np.ndarray, Tensor | np.ndarray),
)  # fmt: skip


def differences(where: str, current: Any, given: Any) -> list[str]:
    """Return the mismatches between a saved value and the current one: types, shapes, missing keys, integers beyond 2**63.

    `where` names the value in the messages. Values, lengths of lists, and keys that are not strings may differ; an int may
    replace a float, but not the reverse. Anything may replace None or a value of a type that is not saved.
    """
    accepted = next((replacements for kind, replacements in REPLACEMENTS if isinstance(current, kind)), None)
    if accepted is None:
        return []
    if not isinstance(given, accepted) or isinstance(given, bool) != isinstance(current, bool):
        return [f"{where} has type {type(given).__name__}, expected {type(current).__name__}"]
    if isinstance(given, int) and abs(given) >= 2**63:
        return [f"{where} is beyond 2**63"]
    if isinstance(given, Tensor | np.ndarray) and (given.shape, given.dtype) != (current.shape, current.dtype):
        return [f"{where} has shape {given.shape} of {given.dtype}, expected {current.shape} of {current.dtype}"]
    if isinstance(given, Mapping):
        named = [key for key in current if isinstance(key, str)]
        found = [f"{where}.{key} is missing" for key in named if key not in given]
        return found + [p for key in named if key in given for p in differences(f"{where}.{key}", current[key], given[key])]
    if isinstance(given, list | tuple) and current:
        models = (current[min(i, len(current) - 1)] for i in range(len(given)))
        pairs = zip(models, given, strict=True)
        return [p for i, (model, item) in enumerate(pairs) for p in differences(f"{where}[{i}]", model, item)]
    return []
