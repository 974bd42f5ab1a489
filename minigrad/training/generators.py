"""Every source of random numbers that a training draws from: so that it can be set back, or set forth again."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from minigrad.nn import Module
from minigrad.random import default_generator
from minigrad.tensor import Tensor

__all__ = ["generator_states", "set_generator_states"]

LEAVES = (Tensor, np.ndarray, str, bytes, int, float, type, ModuleType)


def generator_states(*owners: Any) -> list[dict[str, Any]]:
    """The states of the library's generator and of all that are reachable from the attributes of `owners`, in order."""
    return [dict(generator.bit_generator.state) for generator in _generators(owners)]


def set_generator_states(states: list[dict[str, Any]], *owners: Any) -> None:
    """Set the generators of the same owners to states that `generator_states` gave.

    Raises ValueError where there are not as many, or of other kinds; nothing has changed then.
    """
    found = _generators(owners)
    kinds = [generator.bit_generator.state["bit_generator"] for generator in found]
    wanted = [state["bit_generator"] for state in states]
    if kinds != wanted:
        raise ValueError(f"the checkpoint has random generators of kinds {wanted}, the trainer {kinds}")
    for generator, state in zip(found, states, strict=True):
        generator.bit_generator.state = _plain(state)


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


def _plain(state: Any) -> Any:
    """The state as NumPy wants it: a checkpoint gives tensors for arrays."""
    if isinstance(state, Mapping):
        return {key: _plain(value) for key, value in state.items()}
    return state._array if isinstance(state, Tensor) else state
