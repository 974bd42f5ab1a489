"""OpSpec: what there is to know of an operation to prove it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["OpSpec", "Sample"]


@dataclass(frozen=True)
class Sample:
    """One call of an operation, as a user writes it.

    The float64 arrays among the positional arguments, also inside lists and tuples, are its inputs, numbered in the order
    in which they stand; everything else is an option.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OpSpec:
    """An operation, an independent reference for it, and how to draw calls of it; its tests follow from these.

    `fn` takes tensors where `reference` takes arrays, and both give an array or a tuple of arrays. `sample(rng)` draws a
    call away from the kinks. `linear_in` and `homogeneous_in` number the inputs in which the operation, the others held
    fixed, is linear jointly, or positively homogeneous of degree one jointly. `order` is how often it can be
    differentiated: 0 for what has no gradient, 1 for a rule that refuses a second time by raising.
    """

    name: str
    fn: Callable[..., Any]
    reference: Callable[..., Any]
    sample: Callable[[np.random.Generator], Sample]
    covers: tuple[str, ...] = ()  # public names that this spec proves; the name itself unless given
    linear_in: tuple[int, ...] = ()
    homogeneous_in: tuple[int, ...] = ()
    order: int = 2

    @property
    def proves(self) -> tuple[str, ...]:
        return self.covers or (self.name,)
