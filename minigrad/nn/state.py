"""Whether a state dict fits a module, and all the reasons why not."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np

from minigrad.arrays import Array
from minigrad.errors import did_you_mean
from minigrad.nn.parameter import Parameter
from minigrad.tensors.tensor import Tensor

__all__ = ["IncompatibleKeys", "fitted"]


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` found amiss with strict=False."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not any(self):
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


def fitted(
    kind: str, own: Mapping[str, Tensor], state_dict: Mapping[str, Any], strict: bool, later: Collection[str] = ()
) -> tuple[dict[str, Array], IncompatibleKeys]:
    """The arrays that take the places of a module's own, laid out in memory as those are; see `Module.load_state_dict`.

    The keys `later` may be missing where others of their module are there: older state dicts do not have them.
    """
    if not isinstance(state_dict, Mapping):
        hint = ""
        if hasattr(state_dict, "state_dict"):
            hint = "\n  hint: pass its state_dict()"
        elif isinstance(state_dict, str | os.PathLike):
            hint = "\n  hint: load the file first: load_state_dict(minigrad.load(path))"
        raise TypeError(f"load_state_dict: needs a mapping of names to arrays, got {type(state_dict).__name__}{hint}")
    known = {key.rpartition(".")[0] for key in own if key in state_dict}  # the modules of which anything is there
    missing = [key for key in own if key not in state_dict and not (key in later and key.rpartition(".")[0] in known)]
    keys = IncompatibleKeys(missing, [key for key in state_dict if key not in own])
    problems, new = [], {}
    for key, tensor in own.items():
        if key not in state_dict:
            continue
        value = state_dict[key]
        array = value.array if isinstance(value, Tensor) else np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"load_state_dict: {key} has dtype {array.dtype}, expected numbers")
        if array.shape != tensor.shape:
            problems.append(f"{key}: has shape {array.shape}, the module {tensor.shape}")
        elif isinstance(tensor, Parameter) and array.dtype.kind == "f" and np.isnan(array).any():
            problems.append(f"{key}: {np.count_nonzero(np.isnan(array))} of {array.size} values are NaN")
        else:
            new[key] = np.empty_like(tensor.array)
            new[key][...] = array
    if strict:
        problems += [f"{key}: missing" for key in keys.missing_keys]
        problems += [f"{key}: unexpected{did_you_mean(key, own)}" for key in keys.unexpected_keys]
    if problems:
        listed = "\n  ".join(problems)
        many = f"{len(problems)} problem{'s' * (len(problems) > 1)}"
        raise ValueError(f"load_state_dict: {many} with {kind}\n  {listed}{_where_they_are(own, state_dict)}")
    return new, keys


def _where_they_are(own: Mapping[str, Tensor], state_dict: Mapping[str, Any]) -> str:
    """A hint for the state of this module inside a checkpoint, or under names with a prefix; else nothing."""
    for key, value in state_dict.items():
        if isinstance(value, Mapping) and own and all(name in value for name in own):
            return f"\n  hint: it is a checkpoint: load state_dict[{key!r}]"
    first = next(iter(own), "")
    for key in map(str, state_dict):
        prefix = key.removesuffix(first)
        if first and prefix not in ("", key) and all(f"{prefix}{name}" in state_dict for name in own):
            return (
                f"\n  hint: its names begin with {prefix!r}: "
                f"{{key.removeprefix({prefix!r}): value for key, value in state_dict.items()}}"
            )
    return ""
