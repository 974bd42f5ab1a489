"""Save and restore the states of all random generators that training uses."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from minigrad.nn import Module
from minigrad.random import default_generator
from minigrad.tensors.tensor import Tensor

__all__ = ["generator_states", "reachable_generators", "seed_generators", "set_generator_states"]

LARGEST = {"pos": 625, "buffer_pos": 5, "has_uint32": 2, "uinteger": 2**32}  # exclusive bounds of the integers of a state
LEAVES = (Tensor, np.ndarray, str, bytes, int, float, type, ModuleType)


def generator_states(*owners: Any) -> list[dict[str, Any]]:
    """Return the states of the default generator and of all that are reachable from the attributes of `owners`, in order."""
    return [dict(generator.bit_generator.state) for generator in reachable_generators(owners)]


def set_generator_states(states: list[dict[str, Any]], *owners: Any) -> None:
    """Restore the states that `generator_states` returned for the same owners.

    Raises ValueError, and changes nothing, if their number or kinds differ or a state is damaged.
    """
    found = reachable_generators(owners)
    before = [generator.bit_generator.state for generator in found]
    if not isinstance(states, list) or not all(isinstance(state, Mapping) for state in states):
        raise ValueError("the states of the random generators are not a list of dicts")
    kinds, wanted = ([state.get("bit_generator") for state in each] for each in (before, states))
    if kinds != wanted:
        raise ValueError(f"the checkpoint has random generators of kinds {wanted}, the trainer {kinds}")
    new = [_converted(present, state) for present, state in zip(before, states, strict=True)]
    try:
        for generator, state in zip(found, new, strict=True):
            generator.bit_generator.state = state
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        for generator, state in zip(found, before, strict=True):
            generator.bit_generator.state = state
        raise ValueError(f"the state of a random generator is damaged: {error}") from None


def seed_generators(generators: Iterable[np.random.Generator], *numbers: int) -> None:
    """Set each of the generators to a state of its own, which depends on the numbers alone."""
    for i, generator in enumerate(generators):
        source: Any = type(generator.bit_generator)
        generator.bit_generator.state = source(np.random.SeedSequence([*numbers, i])).state


def reachable_generators(owners: tuple[Any, ...]) -> list[np.random.Generator]:
    """Return the generators in breadth-first order, each once, the default generator first."""
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
            queue.extend([*item.children(), *(v for k, v in vars(item).items() if not k.startswith("_"))])
        else:
            queue.extend(getattr(item, "__dict__", {}).values())
    return found


def _converted(present: Any, state: Any, name: str = "") -> Any:
    """Convert a state from a checkpoint to NumPy's types; raise ValueError if it is not like the `present` one.

    NumPy checks little: with a position outside of a generator's buffer it would read beyond it.
    """
    if isinstance(present, Mapping):
        if not isinstance(state, Mapping) or set(state) != set(present):
            raise ValueError(f"the state of a random generator is damaged: expected {', '.join(present)}")
        return {key: _converted(value, state[key], key) for key, value in present.items()}
    state = state.array if isinstance(state, Tensor) else state
    if isinstance(present, np.ndarray):
        right = isinstance(state, np.ndarray) and (state.shape, state.dtype) == (present.shape, present.dtype)
    elif isinstance(present, int):
        right = type(state) is int and 0 <= state < LARGEST.get(name, 2**128)
    else:
        right = bool(type(state) is type(present) and state == present)
    if not right:
        raise ValueError(f"the state of a random generator is damaged: {name}")
    return state
