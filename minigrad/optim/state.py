"""Whether saved state has the types of the state that it is to replace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minigrad.tensors.tensor import Tensor

__all__ = ["differences"]


def differences(where: str, own: Any, given: Any) -> list[str]:
    """What is wrong with a saved value, compared with the present one: its type, its size as a number, or its parts.

    Values, lengths of lists, and keys that are not texts may differ; an int may stand for a float, but not the reverse.
    Where the present value is None, or of a type that is not saved, everything is right.
    """
    if isinstance(own, bool | str):
        return [] if type(given) is type(own) else [_wrong(where, own, given)]
    if isinstance(own, int | float):
        if isinstance(given, bool) or not isinstance(given, int if isinstance(own, int) else int | float):
            return [_wrong(where, own, given)]
        return [] if given != given or isinstance(given, float) or abs(given) < 2**63 else [f"{where} is beyond 2**63"]
    if isinstance(own, Tensor | np.ndarray):
        if not isinstance(given, Tensor | np.ndarray):
            return [_wrong(where, own, given)]
        same = given.shape == own.shape and given.dtype == own.dtype
        return [] if same else [f"{where} has shape {given.shape} of {given.dtype}, expected {own.shape} of {own.dtype}"]
    if isinstance(own, Mapping):
        if not isinstance(given, Mapping):
            return [_wrong(where, own, given)]
        named = [key for key in own if isinstance(key, str)]
        found = [f"{where}.{key} is missing" for key in named if key not in given]
        return found + [p for key in named if key in given for p in differences(f"{where}.{key}", own[key], given[key])]
    if isinstance(own, list | tuple):
        if not isinstance(given, list | tuple):
            return [_wrong(where, own, given)]
        if not own:
            return []
        return [p for i, item in enumerate(given) for p in differences(f"{where}[{i}]", own[min(i, len(own) - 1)], item)]
    return []


def _wrong(where: str, own: Any, given: Any) -> str:
    return f"{where} has type {type(given).__name__}, expected {type(own).__name__}"
