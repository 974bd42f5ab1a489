"""Every source of random numbers that a training draws from: so that it can be set back, or set forth again."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from minigrad.nn import Module
from minigrad.random import default_generator
from minigrad.tensors.tensor import Tensor

__all__ = ["generator_states", "set_generator_states"]

LARGEST = {"pos": 625, "buffer_pos": 5, "has_uint32": 2, "uinteger": 2**32}  # one more than a state's numbers can be
LEAVES = (Tensor, np.ndarray, str, bytes, int, float, type, ModuleType)


def generator_states(*owners: Any) -> list[dict[str, Any]]:
    """The states of the library's generator and of all that are reachable from the attributes of `owners`, in order."""
    return [dict(generator.bit_generator.state) for generator in _generators(owners)]


def set_generator_states(states: list[dict[str, Any]], *owners: Any) -> None:
    """Set the generators of the same owners to states that `generator_states` gave.

    Raises ValueError where there are not as many, or of other kinds; nothing has changed then.
    """
    found = _generators(owners)
    before = [generator.bit_generator.state for generator in found]
    if not isinstance(states, list) or not all(isinstance(state, Mapping) for state in states):
        raise ValueError("the states of the random generators are not a list of dicts")
    kinds, wanted = ([state.get("bit_generator") for state in each] for each in (before, states))
    if kinds != wanted:
        raise ValueError(f"the checkpoint has random generators of kinds {wanted}, the trainer {kinds}")
    new = [_fitted(own, state) for own, state in zip(before, states, strict=True)]
    try:
        for generator, state in zip(found, new, strict=True):
            generator.bit_generator.state = state
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        for generator, state in zip(found, before, strict=True):
            generator.bit_generator.state = state
        raise ValueError(f"the state of a random generator is damaged: {error}") from None


def _generators(owners: tuple[Any, ...]) -> list[np.random.Generator]:
    """Breadth first, each once, beginning with the library's own."""
    found = [default_generator()]
    seen: set[int] = {id(found[0])}
    queue = deque(owners)
    while queue:
        item = queue.popleft()
        if id(item) in seen or item is None or isinstance(item, LEAVES):
            continue
        seen.add(id(item))
        if isinstance(item, np.random.Generator):
            found.append(item)
        elif isinstance(item, list | tuple):
            queue.extend(item)
        elif isinstance(item, Mapping):
            queue.extend(item.values())
        elif isinstance(item, Module):
            queue.extend([*item._modules.values(), *(v for k, v in vars(item).items() if not k.startswith("_"))])
        else:
            queue.extend(getattr(item, "__dict__", {}).values())
    return found


def _fitted(own: Any, state: Any, name: str = "") -> Any:
    """The state as NumPy wants it, with arrays for a checkpoint's tensors; raises ValueError where it is not like `own`.

    NumPy checks the least: a place outside of a generator's buffer would be read from.
    """
    if isinstance(own, Mapping):
        if not isinstance(state, Mapping) or set(state) != set(own):
            raise ValueError(f"the state of a random generator is damaged: expected {', '.join(own)}")
        return {key: _fitted(value, state[key], key) for key, value in own.items()}
    state = state.array if isinstance(state, Tensor) else state
    if isinstance(own, np.ndarray):
        right = isinstance(state, np.ndarray) and (state.shape, state.dtype) == (own.shape, own.dtype)
    elif isinstance(own, int):
        right = type(state) is int and 0 <= state < LARGEST.get(name, 2**128)
    else:
        right = bool(type(state) is type(own) and state == own)
    if not right:
        raise ValueError(f"the state of a random generator is damaged: {name}")
    return state
