"""Match a state dict against the parameters and buffers of a module, and list all mismatches."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, MutableMapping
from typing import Any, NamedTuple

import numpy as np

from minigrad.arrays import Array, array_of
from minigrad.errors import did_you_mean
from minigrad.nn.parameter import Parameter, UninitializedTensor
from minigrad.tensors.tensor import Tensor

__all__ = ["IncompatibleKeys", "consume_prefix_in_state_dict_if_present", "matched_arrays"]


class IncompatibleKeys(NamedTuple):
    """The keys that `load_state_dict` missed and those that it did not expect, with strict=False."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not any(self):
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


def matched_arrays(
    kind: str, tensors: Mapping[str, Tensor], state_dict: Mapping[str, Any], strict: bool, later: Collection[str] = ()
) -> tuple[dict[str, Array], IncompatibleKeys]:
    """Return copies of a state dict's arrays, in the dtypes and memory layouts of a module's `tensors`; see `Module`.

    `kind` is the class of the module. The keys `later` may be missing if others of their module are present: older state
    dicts lack them.
    """
    if not isinstance(state_dict, Mapping):
        hint = ""
        if hasattr(state_dict, "state_dict"):
            hint = "\n  hint: pass its state_dict()"
        elif isinstance(state_dict, str | os.PathLike):
            hint = "\n  hint: load the file first: load_state_dict(minigrad.load(path))"
        raise TypeError(f"load_state_dict: needs a mapping of names to arrays, got {type(state_dict).__name__}{hint}")
    present = {key.rpartition(".")[0] for key in tensors if key in state_dict}  # the modules with at least one key
    missing = [key for key in tensors if key not in state_dict and not (key in later and key.rpartition(".")[0] in present)]
    keys = IncompatibleKeys(missing, [key for key in state_dict if key not in tensors])
    problems, new = [], {}
    for key, tensor in tensors.items():
        if key not in state_dict:
            continue
        if isinstance(state_dict[key], UninitializedTensor):
            if not isinstance(tensor, UninitializedTensor):
                problems.append(f"{key}: is not initialized yet")
            continue
        array = array_of(state_dict[key])
        if array.dtype.kind not in "fiub":
            raise TypeError(f"load_state_dict: {key} has dtype {array.dtype}, expected numbers")
        if not isinstance(tensor, UninitializedTensor) and array.shape != tensor.shape:
            problems.append(f"{key}: has shape {array.shape}, the module {tensor.shape}")
        elif isinstance(tensor, Parameter) and array.dtype.kind == "f" and np.isnan(array).any():
            problems.append(f"{key}: {np.count_nonzero(np.isnan(array))} of {array.size} values are NaN")
        else:
            new[key] = np.empty_like(tensor.array, shape=array.shape)
            new[key][...] = array
    if strict:
        problems += [f"{key}: missing" for key in keys.missing_keys]
        problems += [f"{key}: unexpected{did_you_mean(key, tensors)}" for key in keys.unexpected_keys]
    if problems:
        listed = "\n  ".join(problems)
        count = f"{len(problems)} problem{'s' * (len(problems) > 1)}"
        raise ValueError(f"load_state_dict: {count} with {kind}\n  {listed}{_location_hint(tensors, state_dict)}")
    return new, keys


def consume_prefix_in_state_dict_if_present(state_dict: MutableMapping[str, Any], prefix: str) -> None:
    """Remove a prefix from the names of a state dict, in place, such as the "module." of networks wrapped by DataParallel.

    Other names stay. Raises ValueError, before any change, if a name is there with and without the prefix; PyTorch keeps one
    of the values.

    >>> state = {"module.weight": 1, "module.bias": 2}
    >>> consume_prefix_in_state_dict_if_present(state, "module.")
    >>> state
    {'weight': 1, 'bias': 2}
    """
    renamed = [key.removeprefix(prefix) for key in state_dict]
    if len(set(renamed)) != len(renamed):
        twice = next(key for key in renamed if renamed.count(key) > 1)
        raise ValueError(f"consume_prefix_in_state_dict_if_present: {twice!r} would be there twice")
    items = list(state_dict.items())
    state_dict.clear()
    state_dict.update((key.removeprefix(prefix), value) for key, value in items)


def _location_hint(tensors: Mapping[str, Tensor], state_dict: Mapping[str, Any]) -> str:
    """Return a hint if the state of the module is inside a checkpoint, or under names with a prefix; else ""."""
    for key, value in state_dict.items():
        if isinstance(value, Mapping) and tensors and all(name in value for name in tensors):
            return f"\n  hint: it is a checkpoint: load state_dict[{key!r}]"
    first = next(iter(tensors), "")
    for key in map(str, state_dict):
        prefix = key.removesuffix(first)
        if first and prefix not in ("", key) and all(f"{prefix}{name}" in state_dict for name in tensors):
            return (
                f"\n  hint: its names begin with {prefix!r}: "
                f"nn.modules.utils.consume_prefix_in_state_dict_if_present(state_dict, {prefix!r})"
            )
    return ""
