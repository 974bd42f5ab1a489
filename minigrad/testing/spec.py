"""OpSpec: what there is to know of an operation to prove it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["OpSpec", "Refusal", "Sample"]


@dataclass(frozen=True)
class Sample:
    """One call of an operation, as a user writes it.

    The float64 arrays among the positional arguments, also inside lists and tuples, are its inputs, numbered in the order
    in which they stand; everything else is an option.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    """A call that must raise: `error`, with a message in which the pattern `match` is found."""

    sample: Sample
    error: type[Exception]
    match: str


@dataclass(frozen=True, eq=False)  # a spec is itself alone: a key, whatever arrays its calls hold
class OpSpec:
    """An operation, an independent reference for it, and how to draw calls of it; its tests follow from these.

    `fn` takes tensors where `reference` takes arrays, and both give an array or a tuple of arrays. `sample(rng)` draws a
    call away from the kinks. `linear_in` and `homogeneous_in` number the inputs in which the operation, the others held
    fixed, is linear jointly, or positively homogeneous of degree one jointly. `order` is how often it can be
    differentiated: 0 for what has no gradient, 1 for a rule that refuses a second time by raising. `analytic` says that
    the reference takes complex arrays and is analytic, so that its derivative is known to the last digits; `promotes`,
    that calls bring float64 of their own, so that float32 does not stay float32.

    `kinks` are calls that sit on kinks, where every gradient must lie between the one-sided slopes; `tie_rule` says which
    one: "zero", "even" (shared by those that move the output), "first" (all to the first of them), or "one" (the steeper
    slope). `errors` are calls that must be refused.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.testing import OpSpec, Sample, check_spec
    >>> def draw(rng):
    ...     return Sample((rng.standard_normal((2, 3)),))
    >>> check_spec(OpSpec("tanh", mg.tanh, np.tanh, draw, analytic=True))
    """

    name: str
    fn: Callable[..., Any]
    reference: Callable[..., Any]
    sample: Callable[[np.random.Generator], Sample]
    covers: tuple[str, ...] = ()  # public names that this spec proves; the name itself unless given
    linear_in: tuple[int, ...] = ()
    homogeneous_in: tuple[int, ...] = ()
    order: int = 2
    analytic: bool = False
    promotes: bool = False
    kinks: tuple[Sample, ...] = ()
    tie_rule: str | None = None
    errors: tuple[Refusal, ...] = ()

    @property
    def proves(self) -> tuple[str, ...]:
        return self.covers or (self.name,)
