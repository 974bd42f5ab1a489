"""OpSpec: the description of an operation from which its tests follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["OpSpec", "Refusal", "Sample"]


@dataclass(frozen=True)
class Sample:
    """The arguments of one call of an operation, as a user writes them.

    The float64 arrays among the positional arguments, also inside lists and tuples, are its inputs, numbered in order;
    everything else is an option.

    >>> Sample((np.ones(3), 0), {"keepdim": True}).kwargs
    {'keepdim': True}
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    """A call that must raise `error`, with a message in which the regular expression `match` is found.

    >>> import minigrad as mg
    >>> from minigrad.testing import OpSpec, Sample, check_spec
    >>> draw = lambda rng: Sample((rng.standard_normal(4),))
    >>> wrong = Refusal(Sample(("one",)), TypeError, "exp")
    >>> check_spec(OpSpec("exp", mg.exp, np.exp, draw, errors=(wrong,)))
    """

    sample: Sample
    error: type[Exception]
    match: str


@dataclass(frozen=True, eq=False)  # a spec is itself alone: a key, whatever arrays its calls hold
class OpSpec:
    """An operation, an independent reference for it, and samples of calls; its tests follow from these (`check_spec`).

    * `fn`, `reference`: the operation on tensors, and the same on arrays; each returns one result or a tuple of them.
    * `sample(rng)`: draws the arguments of a call, away from kinks.
    * `covers`: the public names that this spec tests; default: `name`.
    * `linear_in`, `homogeneous_in`: the numbers of the inputs in which the operation, with the others fixed, is jointly
      linear, or jointly positively homogeneous of degree one.
    * `order`: how often it can be differentiated: 0 for no gradient, 1 for a rule that raises when differentiated again.
    * `analytic`: the reference takes complex arrays and is analytic, so that its derivative is known to the last digits.
    * `promotes`: calls contain float64 constants, so that float32 inputs need not give a float32 result.
    * `kinks`: calls at kinks, where every gradient must lie between the one-sided slopes.
    * `tie_rule`: which gradient between them: "zero", "even" (shared by those that change the output), "first" (all to the
      first of them), or "one" (the steeper slope).
    * `errors`: calls that must be refused.

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
    covers: tuple[str, ...] = ()
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
        """The public names that this spec tests."""
        return self.covers or (self.name,)
